"""Let pycanon find k, l, entropy-l and t of a published table; runs in the peers' environment."""

import json
import sys
import time
import warnings

import pandas as pd
from pycanon import anonymity

warnings.filterwarnings("ignore")
path, names, sensitive = sys.argv[1:]
quasi = names.split(",")
frame = pd.read_csv(path, sep=";", dtype=str, keep_default_na=False)
frame = frame[~(frame[quasi] == "*").all(axis=1)].reset_index(drop=True)
start = time.process_time()
found = {
    "k": anonymity.k_anonymity(frame, quasi),
    "l": anonymity.l_diversity(frame, quasi, [sensitive]),
    "entropy_l": anonymity.entropy_l_diversity(frame, quasi, [sensitive]),
    "t": anonymity.t_closeness(frame, quasi, [sensitive]),
}
print(json.dumps({"cpu": time.process_time() - start} | {n: float(v) for n, v in found.items()}))
