// The symbols of coupon codes. They are part of every code that was ever issued: a change here is a new alphabet with a
// tweak of its own, never an edit.
#pragma once

#include <string_view>

namespace openrun::crypto {

// The digits and 140 Hangul syllables, sorted by code point. The syllables are the children's table of 14 plain
// consonants by 10 plain vowels: no final and no doubled consonant, nothing that differs by a small stroke in a
// compound vowel. Out of it were taken: what is read like a digit (the syllables i, sa, o, gu), what sounds like its
// neighbour (the y-vowels after j and ch), and what rude words are mostly made of (ni, si, jo, ji). Sixteen everyday
// words of one syllable stand in for them: river, south, moon, stone, horse, door, night, star, mountain, hand, forest,
// sheep, dragon, house, bean, tower.
inline constexpr std::string_view hangul_symbols =
    "0123456789"
    "가강갸거겨고교규그기"
    "나남냐너녀노뇨누뉴느"
    "다달댜더뎌도돌됴두듀드디"
    "라랴러려로료루류르리"
    "마말먀머며모묘무문뮤므미"
    "바밤뱌버벼별보뵤부뷰브비"
    "산샤서셔소손쇼수숲슈스"
    "아야양어여요용우유으"
    "자저주즈집"
    "차처초추츠치"
    "카캬커켜코콩쿄쿠큐크키"
    "타탑탸터텨토툐투튜트티"
    "파퍄퍼펴포표푸퓨프피"
    "하햐허혀호효후휴흐히";

// Crockford's base 32.
inline constexpr std::string_view latin_symbols = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

}  // namespace openrun::crypto
