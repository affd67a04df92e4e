"""Networks under weight decay: what the diagonal and the quadratic family have in common."""
