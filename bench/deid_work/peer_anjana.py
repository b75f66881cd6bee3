"""Run anjana's k-anonymity on a table; runs in the peers' environment."""

import json
import resource
import sys
import time
import warnings

import pandas as pd
from anjana.anonymity import k_anonymity

warnings.filterwarnings("ignore")
folder, path, family, names, k, suppression, output = sys.argv[1:]
quasi = names.split(",")
frame = pd.read_csv(path, sep=";", dtype=str, keep_default_na=False)
shapes = {}
for name in quasi:
    rows = pd.read_csv(
        f"{folder}/h/{family}_{name}.csv", sep=";", header=None, dtype=str, keep_default_na=False
    ).to_numpy()
    shapes[name] = {level: rows[:, level] for level in range(rows.shape[1])}
start = time.process_time()
found = k_anonymity(frame, [], quasi, int(k), float(suppression), shapes)
spent = time.process_time() - start
found.to_csv(output, sep=";", index=False)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(json.dumps({"cpu": spent, "rows": len(found), "mib": peak}))
