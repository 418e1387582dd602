"""The timeline's bars: from records to spans, from these to rows, from rows to cells and SVG."""
