"""What models are built as, family by family, from the sizes of a description."""
