"""A reply report as a Word document, laid out as Chinese offices do.

Page and type follow the layout in common use for official documents (GB/T 9704-2012): A4, 37 mm above, 28 mm left,
text 16 pt in 仿宋 on 28 pt lines, first headings in 黑体, second in 楷体. Fonts are named, not embedded: Word has them,
another program takes what it has.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from io import BytesIO
from typing import TYPE_CHECKING, Any

from docx import Document
from docx.enum.section import WD_ORIENT, WD_SECTION
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor

from shared.contracts.report import Block, BlockKind, ReplyReport, Sentence
from shared.words import say
from tailwarden.report.marks import clean, runs_of

if TYPE_CHECKING:
    from docx.document import Document as WordDocument
    from docx.text.paragraph import Paragraph

__all__ = ["word"]

LATIN = "Times New Roman"
BODY, TITLE, FIRST, SECOND = "仿宋", "宋体", "黑体", "楷体"
SIZE = 16.0
LINE = 28.0
"""Body text and its lines [pt]."""
COLUMNS = ((10, "number"), (23, "day"), (25, "by"), (50, "type"), (62, "event"))
"""Columns of the appendix: width [mm] and heading."""


def word(report: ReplyReport) -> bytes:
    """Return *report* as the bytes of a .docx file."""
    document = Document()
    _page(document)
    _styles(document)
    # Word's properties hold 255 characters.
    document.core_properties.title = clean(report.title.text)[:255]
    document.core_properties.author = clean(report.signer)[:255]
    document.core_properties.language = "zh-CN" if report.language == "zh" else "en"
    document.core_properties.comments = ""
    _sentences(document.add_paragraph(style="Title"), [report.title])
    document.add_paragraph(clean(report.salutation), style="Salutation")
    _sentences(document.add_paragraph(style="Body Text"), report.opening)
    for block in report.blocks:
        _block(document, block)
    _sentences(document.add_paragraph(style="Body Text"), [report.closing])
    day = report.as_of
    dated = f"{day.year}年{day.month}月{day.day}日" if report.language == "zh" else day.isoformat()
    signer = document.add_paragraph(clean(report.signer), style="Signature")
    signer.paragraph_format.space_before = Pt(LINE)
    signer.paragraph_format.keep_with_next = True
    document.add_paragraph(dated, style="Signature")
    _appendix(document, report)
    out = BytesIO()
    document.save(out)
    return out.getvalue()


def _page(document: WordDocument) -> None:
    section = document.sections[0]
    section.orientation = WD_ORIENT.PORTRAIT
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.top_margin, section.bottom_margin = Mm(37), Mm(35)
    section.left_margin, section.right_margin = Mm(28), Mm(26)
    foot = section.footer.paragraphs[0]
    foot.alignment = WD_ALIGN_PARAGRAPH.CENTER
    foot.add_run("— ")
    _page_number(foot)
    foot.add_run(" —")
    for run in foot.runs:
        run.font.size = Pt(14)


def _page_number(paragraph: Paragraph) -> None:
    for kind, text in (("begin", None), (None, "PAGE"), ("end", None)):
        run = paragraph.add_run()
        if kind is None:
            code = OxmlElement("w:instrText")
            code.set(qn("xml:space"), "preserve")
            code.text = text
            run._r.append(code)
        else:
            mark = OxmlElement("w:fldChar")
            mark.set(qn("w:fldCharType"), kind)
            run._r.append(mark)


def _styles(document: WordDocument) -> None:
    """Give the styles in use their type; headings stay real headings, so that Word's outline shows them."""
    styles = document.styles
    _type(styles["Normal"], BODY, SIZE)
    # Chinese signs sit in the lower left corner of their place here, and in its middle elsewhere.
    tongue = OxmlElement("w:lang")
    for script, code in (("val", "en-US"), ("eastAsia", "zh-CN")):
        tongue.set(qn(f"w:{script}"), code)
    styles["Normal"].element.get_or_add_rPr().append(tongue)
    for name, font, size, bold in (
        ("Title", TITLE, 22.0, True),
        ("Heading 1", FIRST, SIZE, True),
        ("Heading 2", SECOND, SIZE, True),
        ("Body Text", BODY, SIZE, False),
    ):
        _type(styles[name], font, size, bold=bold)
    for name in ("Salutation", "Signature"):
        # Word knows these names; python-docx's template leaves them out.
        style = styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
        style.base_style = styles["Normal"]
        _lines(style)
    styles["Signature"].paragraph_format.alignment = WD_ALIGN_PARAGRAPH.RIGHT
    styles["Signature"].paragraph_format.right_indent = Pt(2 * SIZE)
    for name in ("Heading 1", "Heading 2", "Body Text"):
        _lines(styles[name])
        styles[name].paragraph_format.first_line_indent = Pt(2 * SIZE)
    styles["Body Text"].paragraph_format.alignment = WD_ALIGN_PARAGRAPH.JUSTIFY
    styles["Body Text"].paragraph_format.widow_control = True
    top = styles["Title"]
    top.paragraph_format.alignment = WD_ALIGN_PARAGRAPH.CENTER
    top.paragraph_format.space_before, top.paragraph_format.space_after = Pt(0), Pt(LINE)
    top.paragraph_format.line_spacing_rule, top.paragraph_format.line_spacing = WD_LINE_SPACING.EXACTLY, Pt(34)
    borders = top.element.get_or_add_pPr().find(qn("w:pBdr"))
    if borders is not None:  # the template underlines titles
        borders.getparent().remove(borders)


def _type(style: Any, font: str, size: float, *, bold: bool = False) -> None:
    style.font.name = LATIN
    style.font.size = Pt(size)
    style.font.bold = bold
    style.font.italic = False
    style.font.color.rgb = RGBColor(0, 0, 0)
    fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
    for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
        fonts.attrib.pop(qn(f"w:{theme}"), None)
    for script in ("ascii", "hAnsi", "cs"):
        fonts.set(qn(f"w:{script}"), LATIN)
    fonts.set(qn("w:eastAsia"), font)


def _lines(style: Any) -> None:
    form = style.paragraph_format
    form.line_spacing_rule, form.line_spacing = WD_LINE_SPACING.EXACTLY, Pt(LINE)
    form.space_before = form.space_after = Pt(0)


def _block(document: WordDocument, block: Block) -> None:
    match block.kind:
        case BlockKind.PART:
            _sentences(document.add_paragraph(style="Heading 1"), block.sentences)
        case BlockKind.SECTION:
            _sentences(document.add_paragraph(style="Heading 2"), block.sentences)
        case BlockKind.PARAGRAPH:
            paragraph = document.add_paragraph(style="Body Text")
            if block.label:
                paragraph.add_run(clean(block.label)).bold = True
            _sentences(paragraph, block.sentences)


def _sentences(paragraph: Paragraph, sentences: Iterable[Sentence]) -> None:
    """Write sentences, each followed by its source numbers, raised and light."""
    for place, sentence in enumerate(sentences):
        text = clean(" ".join(sentence.text.split()))
        # English sentences stand apart, Chinese ones do not.
        paragraph.add_run(f" {text}" if place and _apart(text) else text)
        runs = runs_of(sentence.sources)
        numbers = ",".join(f"{first}" if first == last else f"{first}–{last}" for first, last in runs)
        mark = paragraph.add_run(f"[{numbers}]")
        mark.font.superscript = True
        mark.font.bold = False
        mark.font.size = Pt(14)
        mark.font.color.rgb = RGBColor(0x60, 0x60, 0x60)


def _apart(text: str) -> bool:
    """Tell whether a sentence wants a blank before it."""
    return text[:1].isascii() and text[:1].isalpha()


def _appendix(document: WordDocument, report: ReplyReport) -> None:
    words = report.language
    section = document.add_section(WD_SECTION.NEW_PAGE)
    section.left_margin = section.right_margin = section.top_margin = section.bottom_margin = Mm(20)
    heading = document.add_paragraph(say("report.appendix", words), style="Heading 1")
    heading.paragraph_format.first_line_indent = Pt(0)
    _small(document.add_paragraph(), say("report.appendix_note", words))
    table = document.add_table(rows=2, cols=len(COLUMNS), style="Table Grid")
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    table.autofit = False
    for column, (width, _) in zip(table.columns, COLUMNS, strict=True):
        column.width = Mm(width)
    head, pattern = table.rows
    for row, mark in ((head, "w:tblHeader"), (pattern, "w:cantSplit")):
        row._tr.get_or_add_trPr().append(OxmlElement(mark))
        for cell, (width, name) in zip(row.cells, COLUMNS, strict=True):
            cell.width = Mm(width)
            _small(cell.paragraphs[0], say(f"report.column_{name}", words), bold=row is head)
    # Rows are copied from a pattern: python-docx looks the whole table over for each row it adds.
    table._tbl.remove(pattern._tr)
    for number, source in enumerate(report.sources, 1):
        row_xml = deepcopy(pattern._tr)
        texts = (str(number), source.on.isoformat(), source.by, source.type, str(source.event_id))
        for place, text in zip(row_xml.iter(qn("w:t")), texts, strict=True):
            place.text = clean(text)
        table._tbl.append(row_xml)


def _small(paragraph: Paragraph, text: str, *, bold: bool = False) -> None:
    form = paragraph.paragraph_format
    form.space_before = form.space_after = Pt(0)
    run = paragraph.add_run(text)
    run.font.size = Pt(8)
    run.font.bold = bold
