"""Learning binary words with spikes: STDP, one teacher, and a homeostatic factor (page ``stdp_spinnaker``).

``words``       code words, patterns, Hamming distances, the metrics of a detector
``fixedpoint``  16-bit weights as the SpiNNaker tools scale, round and truncate them
``formula``     closed forms: threshold, learned weight, summed similarity, homeostatic factor
``engine``      leaky integrate-and-fire neurons and nearest-pair STDP, step by step, for all three phases
``loops``       the compiled loops of the engine
``network``     the same networks as one PyNN text for NEST, Brian2 and sPyNNaker
``backends``    how to start these simulators, and what each understands by the text
``spinnaker``   placing and routing them with sPyNNaker on a virtual board
"""
