"""The scheduled work. Only files here import Airflow."""
