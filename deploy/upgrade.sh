#!/bin/sh
# Upgrade the server to a release that is installed beside the present one, and go back by itself
# if it is not ready in time:  upgrade.sh VERSION BACKUP_FOLDER   (as root; docs/operations.md)
set -eu
version=${1:?usage: upgrade.sh VERSION BACKUP_FOLDER}
backups=${2:?usage: upgrade.sh VERSION BACKUP_FOLDER}
root=${TELEHEALTH_ROOT:-/opt/telehealth}
ready=${TELEHEALTH_READY:-http://127.0.0.1:8080/readyz}
wait_s=${TELEHEALTH_READY_S:-60}
export TELEHEALTH_SETTINGS=${TELEHEALTH_SETTINGS:-/etc/telehealth/telehealth.env}
# Whoever owns PostgreSQL's tables, where that is another than who serves.
owner=${TELEHEALTH_OWNER:-}

as_service() { runuser -u telehealth -- "$@"; }

migrate() {
  if [ -z "$owner" ]; then
    as_service "$root/$version/bin/telehealth" migrate "$@"
  else
    runuser -u "$owner" -- env TELEHEALTH_SETTINGS="/etc/$owner/telehealth.env" \
      "$root/$version/bin/telehealth" migrate "$@"
  fi
}

start() {
  [ -z "$owner" ] || migrate || return 1
  systemctl start telehealth
}

is_ready() {
  waited=0
  while [ "$waited" -lt "$wait_s" ]; do
    curl --silent --fail --insecure --max-time 5 "$ready" >/dev/null && return 0
    sleep 1
    waited=$((waited + 1))
  done
  return 1
}

old=$(readlink "$root/current")
[ -x "$root/$version/bin/telehealth" ] || { echo "no release $root/$version" >&2; exit 1; }
[ "$old" != "$version" ] || { echo "$version is in use already" >&2; exit 1; }
schema=$(as_service "$root/$old/bin/telehealth" version --schema)
backup="$backups/before-$version-$(date +%Y%m%dT%H%M%S).tar"

echo "backup to $backup"
as_service "$root/$old/bin/telehealth" backup "$backup"
systemctl stop telehealth
ln -sfn "$version" "$root/current"
if start && is_ready; then
  echo "$version serves; $old stays beside it"
  exit 0
fi

echo "$version is not ready after $wait_s s: back to $old, schema $schema" >&2
systemctl stop telehealth || true
if ! migrate --down "$schema"; then
  echo "the schema does not go back by itself: restore $backup with $old" >&2
  exit 2
fi
ln -sfn "$old" "$root/current"
systemctl start telehealth
is_ready || { echo "$old is not ready either: see journalctl -u telehealth" >&2; exit 2; }
echo "$old serves again; nothing that was acknowledged is lost" >&2
exit 1
