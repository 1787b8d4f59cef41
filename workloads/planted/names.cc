// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * names [MS]: C++ functions of several kinds burn CPU for MS milliseconds together. Built by the
 * test that needs it. A try block around them is left by an exception, each round.
 *
 * Truth: samples are in planted::Zoo<int>::burn, planted::free_burn, a lambda of
 * planted::with_lambda, operator() of planted::Functor, and std::sort's frames over
 * planted::compare; all below planted::run_all and main.
 */
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <stdexcept>
#include <vector>

#define OWN __attribute__((noipa))
#define KEEP() __asm__ volatile("" ::: "memory")

namespace planted
{

static volatile uint64_t sink;

static inline void loop(uint64_t n)
{
	volatile uint64_t x = 1;

	for (uint64_t i = 0; i < n; i++)
		x = x * 3 + 1;
	sink = x;
}

template <typename T> struct Zoo {
	OWN void burn(T n)
	{
		loop(static_cast<uint64_t>(n));
	}
};

struct Functor {
	OWN void operator()(uint64_t n) const
	{
		loop(n);
	}
};

OWN void free_burn(uint64_t n, const std::vector<int> &)
{
	loop(n);
}

OWN void with_lambda(uint64_t n)
{
	auto burn = [](uint64_t m) OWN { loop(m); };

	burn(n);
	KEEP();
}

OWN bool compare(int a, int b)
{
	loop(100);
	return a < b;
}

OWN void sort_some()
{
	std::vector<int> v;

	for (int i = 0; i < 211; i++)
		v.push_back(i * 7919 % 211);
	std::sort(v.begin(), v.end(), compare);
	sink = static_cast<uint64_t>(v[0]);
}

OWN void throw_up(int depth)
{
	if (!depth)
		throw std::runtime_error("planted");
	throw_up(depth - 1);
	KEEP();
}

OWN void run_all(std::chrono::nanoseconds ns)
{
	auto end = std::chrono::steady_clock::now() + ns;

	while (std::chrono::steady_clock::now() < end) {
		Zoo<int>().burn(100000);
		free_burn(100000, {});
		with_lambda(100000);
		Functor()(100000);
		sort_some();
		try {
			throw_up(5);
		} catch (const std::runtime_error &) {
			sink = 0;
		}
	}
}

} // namespace planted

int main(int argc, char **argv)
{
	planted::run_all(std::chrono::milliseconds(argc > 1 ? atoi(argv[1]) : 701));
	return 0;
}
