"""Invoices: made by a person from posted items, read through the API (reference section 11.11)."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from decimal import Decimal
from html import escape
from typing import Any

from autotask_sandbox.books import Books, Row

CREATOR = 2999
DOCUMENTS = {
    "invoicemarkuphtml": ("text/html", "html"),
    "invoicemarkupxml": ("text/xml", "xml"),
    "invoicepdf": ("application/pdf", "pdf"),
}


@dataclass(frozen=True, slots=True)
class Invoiced:
    invoice_id: int
    billing_items: int
    total: Decimal


def invoice(books: Books, company_id: int) -> Invoiced | None:
    """One invoice over all items of a company that are on none yet; None where there are no such items."""
    rows = books.tables["BillingItems"].values()
    items = [row for row in rows if row["companyID"] == company_id and not row.get("invoiceID")]
    if not items:
        return None
    now, total = books.calendar.now(), sum((item["totalAmount"] for item in items), Decimal(0))
    row = {
        "companyID": company_id,
        "invoiceDateTime": now,
        "createDateTime": now,
        "creatorResourceID": CREATOR,
        "dueDate": now,
        "invoiceTotal": total,
        "totalTaxValue": Decimal(0),
        "isVoided": False,
    }
    key = books.add("Invoices", row)
    books.tables["Invoices"][key]["invoiceNumber"] = f"{key}"
    for item in items:
        item["invoiceID"] = key
    return Invoiced(key, len(items), total)


def document(books: Books, found: Row, kind: str) -> dict[str, Any]:
    """An invoice as a file: what it is and its content in base64."""
    content_type, ending = DOCUMENTS[kind]
    items = [row for row in books.tables["BillingItems"].values() if row.get("invoiceID") == found["id"]]
    lines = [
        f"{item['itemName']}: {item['quantity']:f} x {item['rate']:.4f} = {item['totalAmount']:.2f}" for item in items
    ]
    content = {"html": _html, "xml": _xml, "pdf": _pdf}[ending](str(found["invoiceNumber"]), lines)
    file_name = f"invoice-{found['invoiceNumber']}.{ending}"
    data = b64encode(content).decode("ascii")
    return {
        "id": found["id"],
        "contentType": content_type,
        "fileName": file_name,
        "fileSize": len(content),
        "data": data,
    }


def _html(number: str, lines: list[str]) -> bytes:
    rows = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<html><body><h1>Invoice {number}</h1><ul>{rows}</ul></body></html>".encode()


def _xml(number: str, lines: list[str]) -> bytes:
    rows = "".join(f"<item>{escape(line)}</item>" for line in lines)
    return f'<?xml version="1.0" encoding="utf-8"?><invoice number="{number}">{rows}</invoice>'.encode()


def _pdf(number: str, lines: list[str]) -> bytes:
    """One page of text; readers rebuild the missing table of positions."""
    shown = [f"Invoice {number}", *lines]
    texts = "".join(f"({_pdf_text(line)}) Tj T* " for line in shown)
    stream = f"BT /F1 10 Tf 14 TL 40 800 Td {texts}ET"
    objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        f"<</Length {len(stream)}>>stream\n{stream}\nendstream",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    body = "".join(f"{number} 0 obj{content}endobj\n" for number, content in enumerate(objects, 1))
    return f"%PDF-1.4\n{body}trailer<</Root 1 0 R>>\n%%EOF".encode("latin-1", "replace")


def _pdf_text(line: str) -> str:
    return line.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
