import { settingTable, type Settings } from '#config/settings.js';

/** The TCP port of a server that names none: 0, which takes any free one, is for servers alone. */
export function portToDial({ tcpPort }: Pick<Settings, 'tcpPort'>): number {
  return tcpPort === 0 ? settingTable.tcpPort.default : tcpPort;
}
