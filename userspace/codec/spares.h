// Parts of earlier frames that the next frame is made of. Internal to the codec.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace kpulse {

/// Gives up a vector's memory when it is large, so that a huge frame does not stay.
template <class T>
void drop_when_large(std::vector<T>& vector, std::size_t kept) {
  if (vector.capacity() > kept) std::vector<T>().swap(vector);  // assigning {} would keep it
}

/// A vector whose elements keep their memory when there are fewer of them: those left over wait for the next time.
template <class T>
class Spares {
 public:
  explicit Spares(std::size_t max) : max_(max) {}

  /// Element `index` of `vector`, which has at least so many; what it holds is left over from earlier.
  T& at(std::vector<T>& vector, std::size_t index) {
    if (index < vector.size()) return vector[index];
    if (left_over_.empty()) return vector.emplace_back();
    vector.push_back(std::move(left_over_.back()));
    left_over_.pop_back();
    return vector.back();
  }

  /// Ends `vector` after `size` elements.
  void trim(std::vector<T>& vector, std::size_t size) {
    for (std::size_t i = size; i < vector.size() && left_over_.size() < max_; ++i) {
      left_over_.push_back(std::move(vector[i]));
    }
    vector.resize(size);
  }

  [[nodiscard]] const std::vector<T>& left_over() const noexcept { return left_over_; }

 private:
  const std::size_t max_;
  std::vector<T> left_over_;
};

}  // namespace kpulse
