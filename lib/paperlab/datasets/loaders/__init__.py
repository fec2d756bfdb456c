"""One loader per data set, by part of the book."""
