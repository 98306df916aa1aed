"""What the documents say: readers, chunking, encoders, indexes, fusion, reranking."""
