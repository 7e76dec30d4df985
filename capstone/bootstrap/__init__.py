"""Wiring: the only package that names a concrete adapter. One App for the command line, the DAGs and the tests."""

from capstone.bootstrap.app import App, build_app
from capstone.bootstrap.demo import demo_summary, generate_demo

__all__ = ["App", "build_app", "demo_summary", "generate_demo"]
