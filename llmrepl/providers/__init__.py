"""Model providers, built in and loadable; `registry` opens them."""
