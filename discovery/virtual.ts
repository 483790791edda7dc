const names =
  /^(veth|docker|cni|podman|br-[0-9a-f]{12}$|flannel|cali|lxc|lxd|virbr|vmnet|vboxnet|vnet|vEthernet \((WSL|Default Switch|nat\)))/;

/** Whether an interface leads only to containers and machines inside this one, as far as its name tells. */
export function isVirtual(name: string): boolean {
  return names.test(name);
}
