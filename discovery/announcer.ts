// The front door of announcing by mDNS; loaded only where a server announces itself.
export { startAnnouncer, type AnnouncerOptions } from './mdns/announcer.js';
