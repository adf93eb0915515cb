"""Compares what clients were told with what the system holds. Every check returns what it found wrong, as text."""

from facts import FAILED, ISSUED, REJECTED

FINDINGS_MAX = 20
DEAD_LETTERED = "DEAD_LETTERED"
# What an honest client of an open campaign can be refused with.
REASONS = {"ALREADY_ISSUED", "PAUSED", "SOLD_OUT"}


def every_receipt_is_decided(facts):
    for receipt in facts.receipts.values():
        for gateway in facts.gateways:
            answer = receipt.reread.get(gateway)
            if answer is None or not answer.decided:
                yield f"{receipt.user} in campaign {receipt.campaign}: {gateway} says {answer or 'nothing'} (receipt {receipt.receipt})"


def every_gateway_says_what_was_said_first(facts):
    for receipt in facts.receipts.values():
        answers = {receipt.reread[gateway] for gateway in facts.gateways if gateway in receipt.reread}
        if len(answers) > 1:
            yield f"{receipt.user} in campaign {receipt.campaign}: gateways differ: {', '.join(sorted(map(str, answers)))}"
        # A dead letter may have become what its replay was decided to.
        elif receipt.first is not None and receipt.first.status != FAILED and answers - {receipt.first}:
            yield f"{receipt.user} in campaign {receipt.campaign}: told {receipt.first} first and {answers.pop()} at the end"


def answers_of(facts):
    """(campaign, user, Told) of every answer that anybody got, at any time."""
    for receipt in facts.receipts.values():
        for told in {receipt.first, *receipt.reread.values()} - {None}:
            yield receipt.campaign, receipt.user, told
    for user in facts.users.values():
        for told in user.told:
            yield user.campaign, user.user, told


def every_coupon_that_was_told_is_in_postgres(facts):
    for campaign, user, told in answers_of(facts):
        if not told.sequence:
            if told.status == ISSUED or told.reason == "ALREADY_ISSUED":
                yield f"{user} in campaign {campaign}: told {told}, without a coupon"
            continue
        row = facts.rows.get((campaign, told.sequence))
        if row != (user, told.code):
            yield f"{user} in campaign {campaign}: told {told}; Postgres holds {row or 'no such row'}"


def nobody_holds_two(facts):
    first = {}
    for (campaign, sequence), (user, _) in facts.rows.items():
        other = first.setdefault((campaign, user), sequence)
        if other != sequence:
            yield f"{user} holds #{other} and #{sequence} of campaign {campaign}"


def every_row_was_told_to_its_user(facts):
    told_of = {(campaign, told.sequence) for campaign, _, told in answers_of(facts) if told.sequence}
    for (campaign, sequence), (name, _) in facts.rows.items():
        if campaign not in facts.campaigns or (campaign, sequence) in told_of:
            continue
        user = facts.users.get((campaign, name))
        if user is None:
            yield f"#{sequence} of campaign {campaign} belongs to {name}, who never asked"
        elif not user.in_doubt:
            yield f"#{sequence} of campaign {campaign} belongs to {name}, who was never told and had an answer to everything"


def every_command_took_effect_once(facts):
    for campaign in facts.campaigns.values():
        stock, _ = facts.stored.get(campaign.id, (None, None))
        if stock != campaign.stock_expected:
            yield f"campaign {campaign.id}: stock {stock} instead of {campaign.stock_expected}"


def wanting_of(facts):
    """Campaign -> how many users had to get a coupon if there were enough: all who asked, but for those who met a pause."""
    refused_by_pause = {(campaign, user) for campaign, user, told in answers_of(facts) if told.reason == "PAUSED"}
    wanting = {}
    for campaign, user in facts.users:
        if (campaign, user) not in refused_by_pause:
            wanting[campaign] = wanting.get(campaign, 0) + 1
    return wanting


def nothing_is_stranded(facts):
    wanting = wanting_of(facts)
    for campaign in facts.campaigns.values():
        stock, issued = facts.stored.get(campaign.id, (0, 0))
        if issued > stock:
            yield f"campaign {campaign.id}: {issued} issued of {stock}"
        if campaign.restocked:
            if campaign.sold_out_at_last and issued != stock:
                yield f"campaign {campaign.id}: somebody was refused as sold out after the last restock, but {issued} of {stock} are issued"
        elif campaign.finished:
            least = min(stock, wanting.get(campaign.id, 0))
            # Who met a pause may hold a coupon of an earlier attempt.
            if issued < least or (issued != least and not campaign.paused):
                yield f"campaign {campaign.id}: {issued} issued; {wanting.get(campaign.id, 0)} users wanted one of {stock}"


def already_issued_at_once(facts):
    """(campaign, user) of those who were refused as already issued after asking once."""
    for campaign, user, told in answers_of(facts):
        asker = facts.users.get((campaign, user))
        if told.reason == "ALREADY_ISSUED" and asker and asker.asked < 2:
            yield campaign, user


def no_answer_surprises(facts):
    yield from facts.surprises
    for campaign, user in already_issued_at_once(facts):
        # Also where the log holds the record twice, because the producer sent it again: it is one request.
        copies = ", with a record that stands in the log twice" if (campaign, user) in facts.twice_in_log else ""
        yield f"{user} in campaign {campaign}: refused as already issued after asking once{copies}"
    for campaign, user, told in answers_of(facts):
        known = facts.campaigns.get(campaign)
        if told.status == REJECTED and told.reason not in REASONS:
            yield f"{user} in campaign {campaign}: refused with {told.reason}"
        elif told.reason == "PAUSED" and known and not known.paused:
            yield f"{user} in campaign {campaign}: refused as paused, and it never was"


CHECKS = {
    "every 202 is decided, whichever gateway is asked": every_receipt_is_decided,
    "every gateway gives every receipt the answer that was given first": every_gateway_says_what_was_said_first,
    "every coupon that anybody was told of is in Postgres, for that user, with that code and sequence": every_coupon_that_was_told_is_in_postgres,
    "nobody holds two coupons of a campaign": nobody_holds_two,
    "every coupon in Postgres was told to its user, or an attempt of theirs was left without an answer": every_row_was_told_to_its_user,
    "every create and restock took effect exactly once": every_command_took_effect_once,
    "issued = min(stock, demand): nothing is stranded and nothing too many": nothing_is_stranded,
    "no answer that the contract does not allow": no_answer_surprises,
}


def check(facts):
    """Name of the check -> what it found wrong, at most FINDINGS_MAX each and a count of the rest."""
    found = {}
    for name, rule in CHECKS.items():
        wrong = list(rule(facts))
        found[name] = wrong[:FINDINGS_MAX] + ([f"and {len(wrong) - FINDINGS_MAX} more"] if len(wrong) > FINDINGS_MAX else [])
    return found
