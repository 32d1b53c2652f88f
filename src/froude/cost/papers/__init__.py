"""What single papers change of the cost of a model: a file each, built on the cost model, which knows none of them."""
