"""The words of the product: values, events, promises and errors. Standard library only; every part imports this."""
