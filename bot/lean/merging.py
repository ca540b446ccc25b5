"""`TrainingData.merge` copies every sentence deeply, and its importers merge five times over: half of a
training without its classifier, as each copy also forgets the fingerprint of its original. The lists are
copied, the sentences in them are not: nothing changes one before all are merged."""

import copy
from types import SimpleNamespace

from rasa.shared.nlu.training_data import training_data

training_data.copy = SimpleNamespace(copy=copy.copy, deepcopy=copy.copy)
