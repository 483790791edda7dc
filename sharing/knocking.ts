/** The front door for who only wants to know whether a server is there, and whether one could be here. */
export { knock, tryPort, type Knocked } from '#sharing/transport/knock.js';
