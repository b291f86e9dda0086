// The part of Web Bluetooth that is used here (Web Bluetooth Community Group, §4 and §5).

interface BluetoothLEScanFilter {
  services?: string[];
  namePrefix?: string;
}

interface BluetoothCharacteristic extends EventTarget {
  readonly value?: DataView;
  startNotifications(): Promise<BluetoothCharacteristic>;
}

interface BluetoothService {
  getCharacteristic(uuid: string): Promise<BluetoothCharacteristic>;
}

interface BluetoothServer {
  readonly connected: boolean;
  connect(): Promise<BluetoothServer>;
  disconnect(): void;
  getPrimaryService(uuid: string): Promise<BluetoothService>;
}

interface BluetoothDevice extends EventTarget {
  readonly id: string;
  readonly name?: string;
  readonly gatt?: BluetoothServer;
}

interface Bluetooth {
  getAvailability(): Promise<boolean>;
  getDevices?(): Promise<BluetoothDevice[]>;
  requestDevice(options: { filters: BluetoothLEScanFilter[]; optionalServices: string[] }): Promise<BluetoothDevice>;
}

interface Navigator {
  readonly bluetooth?: Bluetooth;
}
