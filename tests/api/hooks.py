"""What a JSON Schema can't say: rules between two fields, what only this deployment knows, and data that leads somewhere."""

import schemathesis

PARTITIONS = 4
CHANGES = ("POST /v1/campaigns", "PATCH /v1/campaigns/{campaign_id}")

WISHES = ("POST /v1/campaigns/{campaign_id}/requests", "POST /gate/events/{campaign_id}/enqueue", "POST /enqueue")


def in_order(body):
    starts, ends = body.get("starts_at"), body.get("ends_at")
    return not (isinstance(starts, str) and isinstance(ends, str)) or starts < ends


def possible(operation, body):
    if not isinstance(body, dict):
        return True
    if operation in CHANGES:
        return in_order(body)
    if operation == "PUT /v1/dispatch":
        # A pace of one a second would leave every request of this run waiting.
        partition, pace = body.get("partition"), body.get("per_second")
        exists = not isinstance(partition, (int, float)) or partition < PARTITIONS
        return exists and not (isinstance(pace, (int, float)) and 0 < pace < 10_000)
    return True


@schemathesis.hook
def filter_case(context, case):
    return possible(case.operation.label, case.body)


@schemathesis.hook
def map_case(context, case):
    if not case.meta.generation.mode.is_positive:
        return case
    # 3500.0 is an integer to a JSON Schema; in a query it is written 3500.
    for name, value in (case.query or {}).items():
        if isinstance(value, float) and value.is_integer():
            case.query[name] = int(value)
    if case.operation.label == "POST /v1/campaigns" and isinstance(case.body, dict):
        open_half(case.body)
    if case.operation.label in WISHES:
        # Needed where a campaign gives several coupons to a user, and good everywhere.
        case.headers.setdefault("Idempotency-Key", case.id)
    return case


def open_half(body):
    """Half of the new campaigns are open and have stock, so that there are receipts and coupons to go on with."""
    if isinstance(body.get("stock"), int) and body["stock"] % 2 == 0:
        body.update(stock=body["stock"] + 1000 if body["stock"] < 4_000_000_000 else 1000, starts_at="2020-01-01T00:00:00Z")
        body.pop("ends_at", None)
