#!/usr/bin/env bash
# ./dev demo: one open run from announced opening to verdict. The system stays up afterwards.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

stock=1000
users=10000
seconds_ahead=10

./dev up
eval "$(./dev env)"

opening="$(date -u -d "+$seconds_ahead seconds" +%Y-%m-%dT%H:%M:%S.000Z)"
echo
echo "A campaign of $stock coupons opens at $opening (in $seconds_ahead s); $users users will press the button twice."

# The same demo run twice is two campaigns: the key is new each time.
campaign="$(curl -sS --fail-with-body -X POST "$OPENRUN_URL/v1/campaigns" \
  -H "Authorization: Bearer $OPENRUN_ADMIN_TOKEN" -H 'Content-Type: application/json' \
  -H "Idempotency-Key: demo-$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')" \
  -d "{\"name\": \"Demo open run\", \"stock\": $stock, \"starts_at\": \"$opening\"}")" || {
  echo "the campaign was not created: $campaign" >&2
  exit 1
}
id="$(sed -n 's/^{"id":\([0-9]*\).*/\1/p' <<<"$campaign")"
[[ -n "$id" ]] || {
  echo "the gateway's answer names no campaign: $campaign" >&2
  exit 1
}
echo "campaign $id: $OPENRUN_URL/v1/campaigns/$id"
echo

# What the running parts cost is told beside the throughput; gateways, say, add up. At most 32 can be measured.
measured=()
while read -r name _ pid _; do
  if [[ "$pid" =~ ^[0-9]+$ ]] && ((${#measured[@]} < 32)); then measured+=("--cpu=${name%-[0-9]*}=$pid"); fi
done < <(./dev status)

verdict=0
# Users who are told to come back (503) do so, as a page makes them.
openrun load --url "$OPENRUN_URL" --campaign "$id" --users "$users" --double-click --at-start --check-codes --reread --connections 256 --retries 60 "${measured[@]}" || verdict=1
echo
openrun audit --config "$OPENRUN_CONFIG" || verdict=1
echo
if ((verdict == 0)); then
  echo "The open run was exact. The system is still up: $OPENRUN_URL/ (./dev down stops it)"
else
  echo "The open run was NOT exact, see above. The system is still up: $OPENRUN_URL/" >&2
fi
exit "$verdict"
