/** How hot parts of the machine are, and how fast its fans turn. */
import { readSensors, readThermalZones } from '../../procfs/hwmon.ts';
import { type Collector, defineMetric, gauge } from '../../sdk/index.ts';

const labels = ['chip', 'device', 'sensor'] as const;

const collector: Collector = defineMetric({
  doc: 'Shows temperatures of processors, disks and boards, those that are critical, and the speed of fans.',
  about: {
    question: 'How hot are processors, disks and boards, how near to critical, and do the fans turn?',
    reads: '/sys/class/hwmon, /sys/class/thermal',
    kernel:
      'any with CONFIG_HWMON or CONFIG_THERMAL, and drivers of the hardware; a virtual machine has none',
    falsePositives:
      'Drivers show inputs that a board does not have wired, with any number. A disk that sleeps is left out until it wakes',
  },
  metrics: {
    temperature: gauge({
      name: 'huatuo_sensor_temperature_celsius',
      help: 'Temperature that a sensor of the hardware has.',
      labels,
    }),
    critical: gauge({
      name: 'huatuo_sensor_critical_temperature_celsius',
      help: 'Temperature that must not be reached, as the hardware has it.',
      labels,
    }),
    fan: gauge({
      name: 'huatuo_sensor_fan_rpm',
      help: 'Revolutions of the fan in a minute.',
      labels,
    }),
    zone: gauge({
      name: 'huatuo_thermal_zone_celsius',
      help: 'Temperature of a thermal zone, by which the kernel slows down processors.',
      labels: ['zone', 'type'],
    }),
  },
  update({ metrics, paths, log }) {
    for (const { chip, device, kind, sensor, value, critical } of readSensors(paths.sysfs, log)) {
      const own = { chip, device, sensor };
      (kind === 'fan' ? metrics.fan : metrics.temperature).set(value, own);
      if (critical !== undefined) metrics.critical.set(critical, own);
    }
    for (const { zone, type, celsius } of readThermalZones(paths.sysfs, log))
      metrics.zone.set(celsius, { zone, type });
  },
});
export default collector;
