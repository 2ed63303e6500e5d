#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "absl/status/status.h"
#include "pipeline/book/huge_array.h"
#include "pipeline/book/prefetch_line.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace feedfarm {

// The price levels of many book sides, each side a B+ tree out of one pool: keys rise towards the best price, the best
// is the last. Most of a side's life happens near its best price, so the root knows the last leaf and searches it
// without a descent. A side of n levels costs O(log n) for any price, however deep the book.
//
//   inner node: child i holds the keys in (keys[i-1], keys[i]]; its last key is kMost.
//   Every node but a root has at least kFillMin entries, so `levels` levels on `sides` sides never need more than
//   sides + levels / 5 + 1 nodes: NodesFor. For 32-bit keys a node is two cache lines, keys and values.
//
// One thread. Nothing is allocated after Allocate; who inserts sees to it that `levels` and `sides` hold.
template <class Key>
class LevelTree {
 public:
  static constexpr Key kMost = std::numeric_limits<Key>::max();
  static constexpr Key kLeast = std::numeric_limits<Key>::min();

  // One side. Zero bytes are an empty one.
  struct Root {
    uint32_t node;
    uint32_t last_leaf;
    Key last_begin;   // keys above this one are in last_leaf, if anywhere
    uint32_t height;  // 1 = the root is a leaf
    bool empty() const { return node == 0; }
  };

  // Where a key is, or would be. Valid until the next change of its side.
  struct Place {
    uint32_t leaf;
    uint32_t position;
    bool found;
  };

  absl::Status Allocate(uint64_t levels, uint64_t sides) {
    return nodes_.Allocate(NodesFor(levels, sides) + 1, "price levels' trees");
  }

  static constexpr uint64_t NodesFor(uint64_t levels, uint64_t sides) {
    return std::min(sides, levels) + levels / (kFillMin - 1) + 1;
  }

  Place Find(const Root& root, Key key) const {
    const uint32_t leaf = Leaf(root, key);
    const Node& node = nodes_[leaf];
    const uint32_t position = Position(node, key);
    return {leaf, position, position < node.count && node.keys[position] == key};
  }

  uint32_t value(const Place& place) const { return nodes_[place.leaf].values[place.position]; }
  void set_value(const Place& place, uint32_t value) { nodes_[place.leaf].values[place.position] = value; }

  // `place` is what Find said of `key`: not there.
  void Insert(Root& root, const Place& place, Key key, uint32_t value) {
    Node& leaf = nodes_[place.leaf];
    if (root.node != 0 && leaf.count < kFanout) [[likely]] {
      Put(leaf, place.position, key, value);
    } else {
      InsertSlow(root, key, value);
    }
  }

  // `place` is what Find said of `key`: there.
  void Erase(Root& root, const Place& place, Key key) {
    Node& leaf = nodes_[place.leaf];
    if (leaf.count > kFillMin || (root.height == 1 && leaf.count > 1)) [[likely]] {
      Take(leaf, place.position);
    } else {
      EraseSlow(root, key);
    }
  }

  // The side is not empty.
  Key best_key(const Root& root) const {
    const Node& leaf = nodes_[root.last_leaf];
    return leaf.keys[leaf.count - 1];
  }
  uint32_t best_value(const Root& root) const {
    const Node& leaf = nodes_[root.last_leaf];
    return leaf.values[leaf.count - 1];
  }

  // fn(key, value), the best price first.
  template <class Fn>
  void ForEach(const Root& root, Fn&& fn) const {
    ForEachWhile(root, [&](Key key, uint32_t value) {
      fn(key, value);
      return true;
    });
  }
  // The same until fn says false.
  template <class Fn>
  void ForEachWhile(const Root& root, Fn&& fn) const {
    if (!root.empty()) Walk(root.node, root.height, fn);
  }

  // Hint: both lines of the leaf where `key` is or would be. Descends.
  void Prefetch(const Root& root, Key key) const {
    const auto* leaf = reinterpret_cast<const uint8_t*>(nodes_.data() + Leaf(root, key));
    PrefetchLine(leaf);
    PrefetchLine(leaf + 64);
  }

  // All sides are empty (their roots are the caller's).
  void Clear() { used_ = free_ = 0; }

  uint64_t bytes() const { return nodes_.bytes(); }

 private:
  static constexpr uint32_t kFanout = 15;
  static constexpr uint32_t kFillMin = 6;
  // Two neighbours that hold no more become one: room for some more before the next split.
  static constexpr uint32_t kMergeMax = 13;
  static_assert(kMergeMax >= 2 * kFillMin && kMergeMax / 2 >= kFillMin);

  // Keys beyond `count` are kMost. Node 0 is none: count 0.
  struct alignas(64) Node {
    Key keys[kFanout];
    uint32_t count;
    uint32_t values[kFanout];  // leaf: the caller's; inner: children
    uint32_t next_free;
  };
  static_assert(sizeof(Key) != 4 || sizeof(Node) == 128);

  // How many of the node's keys are less than `key`.
  static uint32_t Position(const Node& node, Key key) {
#if defined(__SSE2__)
    if constexpr (sizeof(Key) == 4) {
      const auto* lanes = reinterpret_cast<const __m128i*>(node.keys);
      const __m128i wanted = _mm_set1_epi32(key);
      const __m128i less_a = _mm_packs_epi32(_mm_cmplt_epi32(_mm_load_si128(lanes), wanted),
                                             _mm_cmplt_epi32(_mm_load_si128(lanes + 1), wanted));
      const __m128i less_b = _mm_packs_epi32(_mm_cmplt_epi32(_mm_load_si128(lanes + 2), wanted),
                                             _mm_cmplt_epi32(_mm_load_si128(lanes + 3), wanted));
      const auto less = static_cast<uint32_t>(_mm_movemask_epi8(_mm_packs_epi16(less_a, less_b)));
      // Lane 15 is `count`, not a key: always the end.
      return static_cast<uint32_t>(__builtin_ctz(~less | (1u << kFanout)));
    }
#endif
    uint32_t position = 0;
    for (const Key other : node.keys) position += other < key ? 1 : 0;
    return position;
  }

  static void Put(Node& node, uint32_t position, Key key, uint32_t value) {
    for (uint32_t i = node.count; i > position; --i) {
      node.keys[i] = node.keys[i - 1];
      node.values[i] = node.values[i - 1];
    }
    node.keys[position] = key;
    node.values[position] = value;
    ++node.count;
  }

  static void Take(Node& node, uint32_t position) {
    --node.count;
    for (uint32_t i = position; i < node.count; ++i) {
      node.keys[i] = node.keys[i + 1];
      node.values[i] = node.values[i + 1];
    }
    node.keys[node.count] = kMost;
  }

  uint32_t Leaf(const Root& root, Key key) const {
    return key > root.last_begin || root.height <= 1 ? root.last_leaf : Descend(root, key);
  }

  uint32_t Descend(const Root& root, Key key) const {
    uint32_t node = root.node;
    for (uint32_t height = root.height; height > 1; --height) node = nodes_[node].values[Position(nodes_[node], key)];
    return node;
  }

  uint32_t NewNode() {
    uint32_t node = free_;
    if (node != 0) {
      free_ = nodes_[node].next_free;
    } else {
      node = ++used_;
    }
    std::fill_n(nodes_[node].keys, kFanout, kMost);
    nodes_[node].count = 0;
    return node;
  }

  void FreeNode(uint32_t node) {
    nodes_[node].next_free = free_;
    free_ = node;
  }

  // Full nodes are split on the way down, so that each split finds room above it.
  void InsertSlow(Root& root, Key key, uint32_t value) {
    if (root.node == 0) {
      root = {.node = NewNode(), .last_leaf = 0, .last_begin = kLeast, .height = 1};
    } else if (nodes_[root.node].count == kFanout) {
      const uint32_t above = NewNode();
      Put(nodes_[above], 0, kMost, root.node);
      root.node = above;
      ++root.height;
    }
    uint32_t node = root.node;
    for (uint32_t height = root.height; height > 1; --height) {
      const uint32_t position = Position(nodes_[node], key);
      if (nodes_[nodes_[node].values[position]].count == kFanout) Split(node, position, height == 2);
      node = nodes_[node].values[Position(nodes_[node], key)];
    }
    Put(nodes_[node], Position(nodes_[node], key), key, value);
    FindLast(root);
  }

  void Split(uint32_t parent, uint32_t position, bool leaves) {
    constexpr uint32_t kLeft = kFanout / 2;
    const uint32_t right = NewNode();
    const uint32_t left = nodes_[parent].values[position];
    Both both(nodes_[left], nodes_[right], kMost);
    Share(both, kLeft, nodes_[left], nodes_[right]);
    const Key between = nodes_[left].keys[kLeft - 1];
    if (!leaves) nodes_[left].keys[kLeft - 1] = kMost;
    nodes_[parent].values[position] = right;
    Put(nodes_[parent], position, between, left);
  }

  // Nodes that could not lose an entry are filled up on the way down. A root that has one child left makes way for it.
  void EraseSlow(Root& root, Key key) {
    uint32_t node = root.node;
    for (uint32_t height = root.height; height > 1; --height) {
      FillChild(node, Position(nodes_[node], key), height == 2);
      const uint32_t child = nodes_[node].values[Position(nodes_[node], key)];
      if (nodes_[node].count == 1) {
        FreeNode(node);
        root.node = child;
        --root.height;
      }
      node = child;
    }
    Take(nodes_[node], Position(nodes_[node], key));
    if (nodes_[node].count == 0) {
      FreeNode(node);
      root = {};
    } else {
      FindLast(root);
    }
  }

  // Entries of two neighbours in one row. `between`: what stands in for the first one's last key (inner nodes).
  struct Both {
    Both(const Node& left, const Node& right, Key between) : count(left.count + right.count) {
      std::copy_n(left.keys, left.count, keys);
      std::copy_n(left.values, left.count, values);
      if (between != kMost) keys[left.count - 1] = between;
      std::copy_n(right.keys, right.count, keys + left.count);
      std::copy_n(right.values, right.count, values + left.count);
    }
    Key keys[2 * kFanout];
    uint32_t values[2 * kFanout];
    uint32_t count;
  };

  static void Fill(Node& node, const Both& both, uint32_t from, uint32_t count) {
    std::copy_n(both.keys + from, count, node.keys);
    std::fill(node.keys + count, node.keys + kFanout, kMost);
    std::copy_n(both.values + from, count, node.values);
    node.count = count;
  }

  static void Share(const Both& both, uint32_t left_count, Node& left, Node& right) {
    Fill(left, both, 0, left_count);
    Fill(right, both, left_count, both.count - left_count);
  }

  // Child `position` of `parent` may lose an entry afterwards.
  void FillChild(uint32_t parent, uint32_t position, bool leaves) {
    Node& above = nodes_[parent];
    if (nodes_[above.values[position]].count > kFillMin) return;
    const uint32_t first = position > 0 ? position - 1 : 0;
    const uint32_t right_index = above.values[first + 1];
    Node& left = nodes_[above.values[first]];
    Node& right = nodes_[right_index];
    const Both both(left, right, leaves ? kMost : above.keys[first]);
    if (both.count <= kMergeMax) {
      Fill(left, both, 0, both.count);
      above.keys[first] = above.keys[first + 1];
      Take(above, first + 1);
      // Take moved the keys behind the right one; where it was the last, the left one is now.
      FreeNode(right_index);
      return;
    }
    Share(both, both.count / 2, left, right);
    above.keys[first] = left.keys[left.count - 1];
    if (!leaves) left.keys[left.count - 1] = kMost;
  }

  void FindLast(Root& root) const {
    uint32_t node = root.node;
    root.last_begin = kLeast;
    for (uint32_t height = root.height; height > 1; --height) {
      const Node& inner = nodes_[node];
      root.last_begin = inner.keys[inner.count - 2];
      node = inner.values[inner.count - 1];
    }
    root.last_leaf = node;
  }

  template <class Fn>
  bool Walk(uint32_t index, uint32_t height, Fn& fn) const {
    const Node& node = nodes_[index];
    for (uint32_t i = node.count; i-- > 0;) {
      if (!(height > 1 ? Walk(node.values[i], height - 1, fn) : fn(node.keys[i], node.values[i]))) return false;
    }
    return true;
  }

  HugeArray<Node> nodes_;
  uint32_t used_ = 0;
  uint32_t free_ = 0;
};

}  // namespace feedfarm
