"""Many attacks on many images: batches that can be resumed, their cache, transfer."""
