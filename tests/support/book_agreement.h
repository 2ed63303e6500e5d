#pragma once

#include "gtest/gtest.h"
#include "pipeline/book/itch_book.h"
#include "tests/support/reference_book.h"

namespace feedfarm {

// What a book holds, in the reference's own values, read through the book's reader interface.
std::map<uint16_t, ReferenceItchBook::Instrument> InstrumentsOf(const ItchBook& book);

// Equal in every value, in both hashes, in counts and tops of every instrument; and a cleared `other`, fed with what
// `book` emits, has the same hash.
testing::AssertionResult Agree(const ItchBook& book, const ReferenceItchBook& reference);
testing::AssertionResult EmitsItself(const ItchBook& book, ItchBook& other);

}  // namespace feedfarm
