import { isLinkLocal, type InterfaceTable } from '#discovery/addresses.js';
import type { DiscoveryEvent } from '#discovery/events.js';
import { startResponder, type Announcement } from '#discovery/responder.js';
import type { Context } from '#src/context.js';

/** Lets a server be found, by UDP and by mDNS, until it is disposed; then neighbours hear that it goes. */
export async function announceServer(
  { settings, interfaces }: Context,
  announcement: Announcement,
  observe: (event: DiscoveryEvent) => void,
): Promise<AsyncDisposable> {
  const shared = { announcement: () => announcement, interfaces, observe };
  const responder = await startResponder({ port: settings.udpPort, ...shared });
  const announcer = settings.mdns === 'off' ? undefined : await announceByMdns(shared);
  let gone: Promise<unknown> | undefined;
  return {
    async [Symbol.asyncDispose]() {
      gone ??= Promise.all([responder[Symbol.asyncDispose](), announcer?.[Symbol.asyncDispose]()]);
      await gone;
    },
  };
}

/** Loaded only when it is wanted: it is as large as all else that a server needs to be found. */
async function announceByMdns(shared: {
  readonly announcement: () => Announcement;
  readonly interfaces: () => InterfaceTable;
  readonly observe: (event: DiscoveryEvent) => void;
}): Promise<AsyncDisposable> {
  const { startAnnouncer } = await import('#discovery/announcer.js');
  return startAnnouncer(shared);
}

/** Where others reach this machine; link-local addresses only where there are no others, for they are many and long. */
export function ownAddresses(interfaces: InterfaceTable): string[] {
  const all = Object.values(interfaces)
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal }) => !internal)
    .map(({ address }) => address);
  const wider = all.filter((address) => !isLinkLocal(address));
  // The short ones first: they are what people read to one another.
  const isLong = (address: string): number => Number(address.includes(':'));
  return (wider.length > 0 ? wider : all).sort((a, b) => isLong(a) - isLong(b));
}
