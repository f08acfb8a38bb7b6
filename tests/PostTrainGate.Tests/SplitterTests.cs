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
    public void Rows_that_the_model_was_trained_on_are_in_the_repair_split_alone()
    {
        var labels = Enumerable.Range(0, 1000).Select(i => i % 2).ToArray();
        foreach (var known in new[] { 0, 100, 500, 800, 1000 })
        {
            var trained = labels.Select((_, i) => i < known).ToArray();
            var splits = Splitter.Split(labels, [], new SplitPolicy(0.5, 0.2, 0.2), 1, trained);
            Assert.All(splits[1].Concat(splits[2]), row => Assert.False(trained[row]));
            Assert.Equal(known, splits[0].Count(row => trained[row]));
            Assert.InRange(splits[0].Length, Math.Max(499, known), Math.Max(501, known));
            // What is left is divided as the shares of the others are: two parts, two parts, and one for none.
            var left = 1000 - splits[0].Length;
            Assert.All(splits.Skip(1), s => Assert.InRange(s.Length, left * 0.4 - 1, left * 0.4 + 1));
        }
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
