"""Many attacks on many images: resumable batches, their cache, transfer."""
