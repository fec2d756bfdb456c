"""Images: objects to recognise, embeddings for that, measures of retrieval (page ``centroid_triplet``).

``cuboids``         printed boxes by ray casting, with the truth of which sides a picture shows
``conv_net``        a small convolutional network whose start depends on its generator only
``metric_losses``   centroids and triplets, and the losses that they compete with
``embedding_study`` one network trained by one of these losses, step by step
``retrieval``       recall inside containers, precision and mean average precision, bootstrap by identity
``image_features``  a frozen network trained on photographs, through ONNX Runtime
``scenes``          boxes side by side on clutter, segments of them, and average precision
"""
