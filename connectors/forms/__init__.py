"""Forms as agencies file them: PDF files with XFA data. What they mean is told by `capstone.domain.forms`."""

from connectors.forms.file import PdfForms

__all__ = ["PdfForms"]
