#!/bin/sh
# The Debian packages that the tests need: installed as root, otherwise named in one line.
set -eu
missing=""
command -v chromium >/dev/null || missing="$missing chromium"
command -v dbus-daemon >/dev/null || missing="$missing dbus"
command -v strace >/dev/null || missing="$missing strace"
command -v caddy >/dev/null || missing="$missing caddy"
[ -x /usr/sbin/nginx ] || missing="$missing nginx-light"
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$missing postgresql"
[ -z "$missing" ] && exit 0
if [ "$(id -u)" != 0 ]; then
  echo "make test needs these Debian packages: apt-get install$missing" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086
apt-get install -y -qq --no-install-recommends $missing >/dev/null
