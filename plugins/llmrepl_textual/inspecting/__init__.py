"""All there is to know of a block: the records it is about, and what they say, facet by facet."""
