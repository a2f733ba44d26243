"""Ledgers 清单台账 as Excel workbooks: read whole or refused whole, written so that officials can go on with them."""
