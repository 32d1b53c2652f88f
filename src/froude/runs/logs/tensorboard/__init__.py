"""Event files of TensorBoard, read record by record."""
