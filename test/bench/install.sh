#!/usr/bin/env bash
# Installs what lanpost is measured against, on Debian and its kin; what is there already is left alone.
set -euo pipefail

declare -A packages=(
  [nginx]=nginx-light [curl]=curl [rsync]=rsync [sshd]=openssh-server [sftp]=openssh-client
  [openssl]=openssl [ip]=iproute2 [tc]=iproute2 [nsenter]=util-linux [diff]=diffutils [gcc]=gcc
)
PATH="$PATH:/usr/sbin:/sbin"
missing=()
for program in "${!packages[@]}"; do
  command -v "$program" >/dev/null || missing+=("${packages[$program]}")
done
if [ "${#missing[@]}" = 0 ]; then
  echo 'nothing is missing'
  exit 0
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}"
