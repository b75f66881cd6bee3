"""The terms a policy of this node may use, and what stands behind each of them.

Left operands and actions are ODRL's own where ODRL has them (ODRL Vocabulary & Expression 2.2,
§4.5 and §4.6); the rest are in our profile. A term outside these tables cannot be read, offered or
signed: nothing would keep it.
"""

from collections.abc import Callable

from tidegate.kernel.text import Multilingual
from tidegate.kernel.values import dataclass
from tidegate.policy import values
from tidegate.policy.model import Enforcement, Operator
from tidegate.policy.values import Right

ODRL = "http://www.w3.org/ns/odrl/2/"
PROFILE = "https://w3id.org/tidegate/policy/"

RECIPIENT = ODRL + "recipient"
SEAT = ODRL + "spatial"
PURPOSE = ODRL + "purpose"
DATE_TIME = ODRL + "dateTime"
COUNT = ODRL + "count"
DELAY = ODRL + "delayPeriod"
COMPUTE_PLACE = PROFILE + "computePlace"
MINIMUM_CELL = PROFILE + "minimumCell"
CERTIFICATION = PROFILE + "certification"
OUTPUT_REVIEW = PROFILE + "outputReview"

USE = "use"
DELETE = ODRL + "delete"
DISTRIBUTE = ODRL + "distribute"
RECORD_USE = PROFILE + "recordUse"
REIDENTIFY = PROFILE + "reidentify"


@dataclass(frozen=True, slots=True)
class Term:
    """A constraint this node knows: how it is read, and what keeps it."""

    iri: str
    name: str
    operators: tuple[Operator, ...]
    read: Callable[[Right], object]
    enforcement: Enforcement
    place: str
    sentence: Multilingual  # "{value}" stands for the right operand


@dataclass(frozen=True, slots=True)
class Act:
    """An action this node knows: in which kinds of rule it may stand, and what keeps it.

    `needs` are the constraints it cannot do without, `takes` all it may carry. `enforcement` is
    None where the constraints carry it: a permission promises nothing by itself.
    """

    iri: str
    name: str
    stands_in: frozenset[str]  # "permission", "prohibition", "duty"
    takes: frozenset[str]
    needs: frozenset[str]
    enforcement: Enforcement | None
    place: str
    sentence: Multilingual


_USE_TERMS = frozenset(
    {
        RECIPIENT,
        SEAT,
        CERTIFICATION,
        PURPOSE,
        DATE_TIME,
        COUNT,
        COMPUTE_PLACE,
        MINIMUM_CELL,
        OUTPUT_REVIEW,
    }
)

_TERMS = (
    Term(
        RECIPIENT,
        "assignee",
        (Operator.EQ, Operator.IS_ANY_OF),
        values.parties,
        Enforcement.ENFORCED,
        "at every call: the credential the peer presents",
        Multilingual("Only {value} may use it.", "只限 {value} 使用。", "仅限 {value} 使用。"),
    ),
    Term(
        SEAT,
        "seat",
        (Operator.EQ, Operator.IS_ANY_OF, Operator.IS_NONE_OF),
        values.seats,
        Enforcement.ENFORCED,
        "at every call: the seat credential issued by the space's authority",
        Multilingual(
            "The user's legal seat: {value}.",
            "使用方法定所在地：{value}。",
            "使用方法定所在地：{value}。",
        ),
    ),
    Term(
        CERTIFICATION,
        "certification",
        (Operator.EQ, Operator.IS_ANY_OF),
        values.schemes,
        Enforcement.ENFORCED,
        "in the catalogue, at negotiation, transfer and every use: the certification credential"
        " issued by the space's authority",
        Multilingual(
            "The user is certified under {value}.",
            "使用方須持有認證：{value}。",
            "使用方须持有认证：{value}。",
        ),
    ),
    Term(
        PURPOSE,
        "purpose",
        (Operator.EQ, Operator.IS_ANY_OF),
        values.purposes,
        Enforcement.ENFORCED,
        "before every query: the purpose of the permitted project",
        Multilingual("Only for {value}.", "只限用於{value}。", "仅限用于{value}。"),
    ),
    Term(
        DATE_TIME,
        "interval",
        (Operator.GTEQ, Operator.GT, Operator.LT, Operator.LTEQ),
        values.moment,
        Enforcement.ENFORCED,
        "before every query, and by the clock that ends agreements",
        Multilingual("Use only {value}.", "使用時間：{value}。", "使用时间：{value}。"),
    ),
    Term(
        COUNT,
        "count",
        (Operator.LTEQ, Operator.LT),
        values.whole,
        Enforcement.ENFORCED,
        "the usage ledger of the provider, one conditional update a use",
        Multilingual("Number of uses: {value}.", "使用次數：{value}。", "使用次数：{value}。"),
    ),
    Term(
        COMPUTE_PLACE,
        "compute-place",
        (Operator.EQ,),
        values.place,
        Enforcement.ENFORCED,
        "the connector: no transfer that moves rows is started; the lab computes here",
        Multilingual(
            "Computing happens where the data are kept ({value}); no row moves.",
            "在數據所在處計算（{value}），數據行不移動。",
            "在数据所在处计算（{value}），数据行不移动。",
        ),
    ),
    Term(
        MINIMUM_CELL,
        "minimum-cell",
        (Operator.GTEQ,),
        values.whole,
        Enforcement.ENFORCED,
        "the lab: disclosure control on distinct people",
        Multilingual(
            "Results count at least {value} people a cell.",
            "結果每格至少 {value} 人。",
            "结果每格至少 {value} 人。",
        ),
    ),
    Term(
        OUTPUT_REVIEW,
        "output-review",
        (Operator.EQ,),
        values.reviewed_flow,
        Enforcement.HUMAN_CHECKED,
        "the lab: a checker clears the result before it leaves",
        Multilingual(
            "A checker clears results before they leave ({value}).",
            "結果須經審核員放行（{value}）。",
            "结果须经审核员放行（{value}）。",
        ),
    ),
    Term(
        DELAY,
        "delete-within",
        (Operator.LTEQ,),
        values.delay,
        Enforcement.ATTESTED,
        "the user's node: a signed certificate of destruction, overdue ones raise an alarm",
        Multilingual(
            "Derived data are deleted within {value} of the end.",
            "結束後 {value}內刪除衍生數據。",
            "结束后 {value}内删除衍生数据。",
        ),
    ),
)

_ACTS = (
    Act(
        USE,
        "use",
        frozenset({"permission", "prohibition"}),
        _USE_TERMS,
        frozenset(),
        None,
        "",
        Multilingual("Use.", "使用。", "使用。"),
    ),
    Act(
        DELETE,
        "delete",
        frozenset({"duty"}),
        frozenset({DELAY}),
        frozenset({DELAY}),
        None,
        "",
        Multilingual("Delete afterwards.", "用後刪除。", "用后删除。"),
    ),
    Act(
        RECORD_USE,
        "log",
        frozenset({"duty"}),
        frozenset(),
        frozenset(),
        Enforcement.ENFORCED,
        "the journal: no use starts before its evidence is written",
        Multilingual("Every use is recorded.", "每次使用均存證。", "每次使用均存证。"),
    ),
    Act(
        DISTRIBUTE,
        "no-distribution",
        frozenset({"prohibition"}),
        frozenset(),
        frozenset(),
        Enforcement.ATTESTED,
        "the user's node: a signed undertaking in the agreement",
        Multilingual("It is not passed on.", "不得轉交他人。", "不得转交他人。"),
    ),
    Act(
        REIDENTIFY,
        "no-reidentification",
        frozenset({"prohibition"}),
        frozenset(),
        frozenset(),
        Enforcement.ATTESTED,
        "the user's node: a signed undertaking in the agreement",
        Multilingual("Nobody is re-identified.", "不得重新識別個人。", "不得重新识别个人。"),
    ),
)

CONSTRAINTS: dict[str, Term] = {term.iri: term for term in _TERMS}
ACTS: dict[str, Act] = {act.iri: act for act in _ACTS}
