"""What a machine is: chips, nodes, links and rates, each number with its source, and efficiencies measured on them."""
