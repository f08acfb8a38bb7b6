using CsCheck;
using PostTrainGate.Data;
using PostTrainGate.Policy;
using Xunit;

namespace PostTrainGate.Tests;

public class SplitterTests
{
    [Fact]
    public void Splits_are_disjoint_and_every_label_and_stratum_has_its_share()
    {
        var rows = Gen.Select(Gen.Int[0, 3], Gen.Int[-1, 2]).Array[30, 400];
        Gen.Select(rows, Gen.Int[1, 6], Gen.Int[1, 6], Gen.Int[1, 6], Gen.Int[0, 3], Gen.Int)
            .Sample(
                (codes, repair, select, test, none, seed) =>
                {
                    var parts = (double)(repair + select + test + none);
                    var shares = new SplitPolicy(repair / parts, select / parts, test / parts);
                    var (labels, levels) = (codes.Select(c => c.Item1).ToArray(), codes.Select(c => c.Item2).ToArray());
                    var splits = Splitter.Split(labels, [levels], shares, seed);
                    var dealt = splits.SelectMany(s => s).ToArray();
                    Assert.Equal(dealt.Length, dealt.Distinct().Count());
                    if (none == 0)
                        Assert.Equal(codes.Length, dealt.Length);
                    double[] share = [shares.Repair, shares.Select, shares.Test];
                    for (var s = 0; s < 3; s++)
                    {
                        Assert.Equal(splits[s].Order(), splits[s]);
                        Assert.InRange(splits[s].Length, share[s] * codes.Length - 1, share[s] * codes.Length + 1);
                        foreach (var label in labels.Distinct())
                            InShare(splits[s].Count(r => labels[r] == label), labels.Count(l => l == label));
                        foreach (var stratum in codes.Distinct())
                            InShare(splits[s].Count(r => codes[r] == stratum), codes.Count(c => c == stratum));
                        void InShare(int count, int whole) =>
                            Assert.InRange(count, share[s] * whole - 2, share[s] * whole + 2);
                    }

                    Assert.Equal(splits, Splitter.Split(labels, [levels], shares, seed));
                },
                iter: 300
            );
    }

    [Fact]
    public void Each_row_is_as_likely_as_any_other_to_be_tested()
    {
        // 400 seeds, 100 rows of two labels, 30 %: a row is tested 120 times, standard deviation 9.2; six of those on
        // either side.
        var labels = Enumerable.Range(0, 100).Select(i => i < 40 ? 0 : 1).ToArray();
        var tested = new int[100];
        for (var seed = 0; seed < 400; seed++)
            foreach (var row in Splitter.Split(labels, [], new SplitPolicy(), seed)[2])
                tested[row]++;
        Assert.All(tested, t => Assert.InRange(t, 120 - 55, 120 + 55));
    }
}
