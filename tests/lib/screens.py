"""The pages that are looked at in a real browser: by whom, how wide, in which language."""

SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
LANGUAGES = {"en": "en-GB", "zh-Hant": "zh-HK", "zh-Hans": "zh-CN"}
PAGES = {
    "": {"sign_in": "/sign-in", "problem": "/nothing-here"},
    "rex": {
        "home": "/",
        "catalogue": "/catalogue?text=肝病",
        "nothing": "/catalogue?text=zzz",
        "dataset_peer": "/datasets/ds_peer",
        "apply": "/datasets/ds_peer/apply",
        "queries": "/queries",
        "query_new": "/queries/new",
        "rows_coming": "/transfers/{rows_coming}",
        "query_cross": "/queries/asked_cross",
        "query_curve": "/queries/asked_curve",
        "query_refused": "/queries/asked_refused",
        "applications": "/applications",
    },
    "sam": {
        "datasets": "/datasets",
        "dataset": "/datasets/{dataset}",
        "recipe": "/versions/{classified}/recipe",
        "risk_report": "/versions/{version}/risk-report",
        "agreements": "/agreements",
        "inbox": "/inbox",
        "negotiation_failing": "/negotiations/{failing}",
        "negotiation_asking": "/negotiations/{asking}",
        "counter_provider": "/negotiations/{asking}/counter",
        "counter_consumer": "/negotiations/{countered}/counter",
        "counter_strange": "/negotiations/{strange}/counter",
        "strategy": "/offers/{offer}/strategy",
        "strategy_consumer": "/datasets/ds_peer/strategy",
        "transfer": "/transfers/{transfer}",
        "rows": "/transfers/{rows}",
    },
    "carl": {
        "agreement": "/agreements/{given}",
        "rows_inbox": "/inbox",
        "rows_asked": "/transfers/{rows_asked}",
        "evidence": "/evidence",
        "leaf": "/evidence/leaves/10",
        "subject": "/evidence/subjects/version:{version}",
        "space": "/space",
    },
    "cher": {"checking": "/checking"},
    "olga": {"operation": "/operation", "peers": "/peers"},
}
CASES = [(who, name) for who, pages in PAGES.items() for name in pages]
