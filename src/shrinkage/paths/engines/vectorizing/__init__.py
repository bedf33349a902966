"""Many copies of any module in one set of arrays, by `torch.func` and `vmap`."""
