"""Recommenders: who interacted with what, ranking, embeddings, click models, sequences and item codes.

``interactions``   tables of users and items in time order, cores, splits, cold items, popularity groups
``fields``         tables of categories, lists and numbers in one numbering; the click task of MovieLens
``stacks``         modules of torch whose members (seeds) train side by side
``attention``      interacting layers of AutoInt, compiled (page ``autoint``)
``ctr_models``     click models as sums of parts: LR, FM, AFM, NFM, CrossNet, CIN, AutoInt, Wide&Deep, DeepFM
``ctr_fit``        their training with early stopping, splits, mean attention
``ctr_study``      models side by side with chosen settings; planted interactions; Criteo's fields
``embeddings``     start of tables, Adam on the rows of a batch, training with early stopping, full ranking
``pairwise``       BPR with uniform and with dynamic negatives
``uniformity``     alignment and uniformity on the sphere: exact measures, losses of DirectAU and CLRec
``lightgcn``       averaging over the graph of users and items, with either loss
``ad_study``       trait scores, and made-up ratings of advertisements with a known share of personality
``new_users``      item means, what descriptors of a person add, and the placebo
``warm_users``     the same where some ratings of a person are known
``click_models``   clicks of new users by logistic regression
``trait_links``    correlations of traits with categories, corrected for their number
``rating_scores``  measures for ratings and clicks
``power``          many made-up studies of one design
``item_content``   words that are known of a film at its release, as vectors
``new_films``      hiding the tickets for new films, judging scores among possible pairs
``film_metric``    a distance between customers and films learnt from tickets
``rating_models``  factor models of ratings and clicks with a selection layer, compiled (page ``dnis``)
``embedding_sizes``  blocks by frequency, widths by a rule or by lot, masks, pruning
``input_search``   training with early stopping; the search for widths by gradient
``size_study``     one width, widths by a rule and searched ones side by side
``neural_sizes``   the search on networks of torch

What generates items one after another, or letter by letter:

``sequence_rows``      histories as rows, their next items, batches without padding
``sequence_layers``    blocks of a transformer at real positions only; masks inside an item
``sequence_model``     next-item models of tokens, encoder and head; full ranking after a history
``sequence_fit``       one training loop with early stopping by a metric
``softmax_losses``     softmax over a catalogue, over shared negatives; the binary loss of SASRec
``item_sets``          items as sets of tokens without an order, scored in one pass
``new_items``          drawing new items, one ranking under several views, people of the test, the order of tokens
``identifiers``        four ways to write an item on one transformer: free vector, content, sequence, set
``item_codes``         digits, category trees, letters that tell twins apart, what a code is worth
``code_clusters``      codes from co-occurrence by recursive spectral clustering
``quantisers``         codes from vectors: residual k-means, finite scalar quantisation, sparse coding
``code_autoencoders``  the same learnt with an auto-encoder: RQ-VAE, FSQ
``code_trie``          codes of a catalogue as a tree in compressed rows
``code_tokens``        a vector for each letter
``code_decoder``       decoders of codes, exact scores, beam search along the trie
``playlists``          lists of items with a prompt each, from tags and from film ratings; vectors of items
``prompt_text``        prompts and names as vectors and as pieces; BM25
``prompt_models``      readers of prompts, a decoder with memory for letters, a bi-encoder (page ``text2tracks``)
``prompt_study``       one set of playlists, and everything that answers its prompts
``shopping_worlds``    made-up shops that share words and, to a chosen degree, a rule of what follows what
``shop_texts``         real texts as vectors by an encoder that sees training shops only; histories from rows
``zero_shot``          models of texts carried to other shops, rivals of the other shop (page ``recgpt``)
``copying``            rules that only look at histories: the last item again, what followed it, popular ones
``code_pieces``        N-grams, prefixes and SentencePiece pieces of codes in hashed tables
``video_log``          a made-up log of videos about topics; film ratings as such a log (page ``semantic_ids_ranking``)
``item_ranker``        a ranking model over numbers, content or pieces of items, compiled, trained day by day
``item_slices``        AUC on new, rare and all items, with intervals over items
"""
