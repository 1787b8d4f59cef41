// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
//
// Numbers as text.

/** 1234567 as "1,234,567". */
export function groupDigits(n) {
	return String(n).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** The size of a task in words: "1,000,000 operations a task". */
export function describeTask(unit, n) {
	const mib = 1 << 20;

	if (unit === 'bytes' && n % mib === 0) return `${groupDigits(n / mib)} MiB a task`;
	return `${groupDigits(n)} ${unit} a task`;
}

/** 17 digits of x, the first before the point; a tie goes to the even digit, as in C. */
function scientific(x) {
	const exact = x.toExponential(100);
	const text = x.toExponential(16);
	const [, upTo17, after] = /^(-?\d\.\d{16})(\d*)e/.exec(exact);

	if (!/^50*$/.test(after) || Number(upTo17.at(-1)) % 2) return text;
	return upTo17 + text.slice(text.indexOf('e'));
}

/** The double x as printf's "%.17g" writes it, so that texts are equal when doubles are. */
export function formatDouble(x) {
	if (!Number.isFinite(x)) return Number.isNaN(x) ? 'nan' : x < 0 ? '-inf' : 'inf';
	if (x === 0) return Object.is(x, -0) ? '-0' : '0';
	const [mantissa, e] = scientific(x).split('e');
	const exponent = Number(e);
	const sign = x < 0 ? '-' : '';
	const digits = mantissa.replace(/[-.]/g, '').replace(/0+$/, '');

	if (exponent < -4 || exponent >= 17) {
		const point = digits.length > 1 ? '.' : '';
		const power = String(Math.abs(exponent)).padStart(2, '0');

		return `${sign}${digits[0]}${point}${digits.slice(1)}e${exponent < 0 ? '-' : '+'}${power}`;
	}
	if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
	const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0');
	const part = digits.slice(exponent + 1);

	return sign + whole + (part && `.${part}`);
}
