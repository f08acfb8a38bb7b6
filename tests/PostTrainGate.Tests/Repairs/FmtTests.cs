using PostTrainGate.Bench;
using PostTrainGate.Repairs;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Repairs;

/// <summary>
/// FMT against its release. Figures: the published source metrics, and slices and pairs of an independent
/// re-implementation that reproduces the release (method/spec-fmt.md, section 11).
/// </summary>
public class FmtTests
{
    [Theory]
    [InlineData("german", "age", 0.77, 0.070975, 0.023007, 0.024706)]
    [InlineData("german", "sex", 0.77, 0.219961, 0.289888, 0.174725)]
    [InlineData("adult", "race", 0.851552, 0.095512, 0.049993, 0.050687)]
    [InlineData("adult", "sex", 0.851552, 0.190512, 0.095576, 0.109594)]
    [InlineData("bank", "age", 0.895048, 0.085600, 0.027661, 0.032754)]
    [InlineData("compas", "race", 0.654781, 0.175780, 0.153608, 0.107341)]
    [InlineData("compas", "sex", 0.654781, 0.189052, 0.179281, 0.129450)]
    public void The_source_models_have_the_published_metrics(string dataset, string attribute, params double[] expected)
    {
        using var task = FairnessTask.Load(Fixtures.Elsewhere, dataset, attribute);
        // Printed to 6 decimals.
        Assert.All(task.Measure(task.Source).Zip(expected), p => Assert.Equal(p.Second, p.First, 1.1e-6));
    }

    // Units of equal count (german-age: 12 and 22 of the second layer) stand in either order: a slice is a set.
    [Theory]
    [InlineData("german", "age", "2 27 3 33 1 56 | 19 22 12 | 13 12 | 7")]
    [InlineData("german", "sex", "15 30 0 20 38 22 | 19 1 22 | 7 13 | 3")]
    [InlineData("adult", "race", "19 48 9 61 3 63 | 27 14 29 | 4 1 | 4")]
    [InlineData("adult", "sex", "48 40 23 42 32 0 | 9 29 15 | 13 0 | 5")]
    [InlineData("compas", "race", "27 44 61 63 9 62 | 9 12 15 | 0 5 | 4")]
    [InlineData("compas", "sex", "0 62 19 16 15 34 | 1 18 23 | 14 7 | 3")]
    public void The_slices_are_those_of_the_release(string dataset, string attribute, string expected)
    {
        using var task = FairnessTask.Load(Fixtures.Elsewhere, dataset, attribute);
        using var scope = NewDisposeScope();
        using var random = new Generator(1);
        var target = Fmt.TargetLayer(task.Source);
        Assert.Equal(3, target.Index);
        var units = TwinSlice.Units(task.Source, [.. task.Source.Layers.Take(4)], task.Pairs.Twins(random));
        var wanted = expected
            .Split('|')
            .Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse).Order());
        Assert.Equal(wanted, units.Select(u => u.Order()));
    }

    [Theory]
    [InlineData("age", 199)]
    [InlineData("sex", 203)]
    public void The_first_member_wins_as_many_pairs_as_in_the_release(string attribute, int expected)
    {
        using var task = FairnessTask.Load(Fixtures.Elsewhere, "german", attribute);
        using var scope = NewDisposeScope();
        var first = Fmt.Confidence(task.Source, task.Mutants.First);
        var second = Fmt.Confidence(task.Source, task.Mutants.Second);
        Assert.Equal(expected, first.gt(second).sum().item<long>());
    }

    // Mean of ten repeats, within two published standard deviations (published-results.csv).
    [Theory]
    [InlineData("age", false, 1e-3, 128, 0.7660, 0.0013, 0.0630, 0.0017)]
    public void Ten_repeats_give_the_published_means(
        string attribute,
        bool dual,
        double rate,
        int batch,
        double accuracy,
        double accuracyDeviation,
        double spd,
        double spdDeviation
    )
    {
        using var task = FairnessTask.Load(Fixtures.Elsewhere, "german", attribute);
        var fmt = new Fmt
        {
            Pairs = task.Pairs,
            Group = attribute,
            Mutants = task.Mutants,
            Dual = dual,
            LearningRate = rate,
            BatchSize = batch,
        };
        var runs = Enumerable
            .Range(0, 10)
            .Select(seed =>
            {
                using var model = ModelTransform
                    .Run(fmt.AsPublished().Recipe(task.Source), new(task.Source, task.Train, seed))
                    .Model;
                return task.Measure(model);
            })
            .ToArray();
        Assert.Equal(accuracy, runs.Average(r => r[0]), 2 * accuracyDeviation);
        Assert.Equal(spd, runs.Average(r => r[1]), 2 * spdDeviation);
    }

    [Theory]
    [InlineData(ValueDraw.Marginal)]
    [InlineData(ValueDraw.Uniform)]
    public void Mutants_of_a_pair_differ_in_the_protected_column_only_and_stay_one_hot(ValueDraw draw)
    {
        using var task = FairnessTask.Load(Fixtures.Elsewhere, "german", "sex");
        using var scope = NewDisposeScope();
        using var random = new Generator(3);
        var pairs = task.Pairs.Mutants(5000, draw, random);
        var sex = task.Layout.Find("sex")!.Start;
        var differs = pairs.First.ne(pairs.Second).any(0).data<bool>().ToArray();
        Assert.Equal([sex], Enumerable.Range(0, differs.Length).Where(i => differs[i]));
        Assert.True(pairs.First.select(1, sex).eq(0).all().item<bool>());
        Assert.True(pairs.Second.select(1, sex).eq(1).all().item<bool>());
        foreach (var column in task.Layout.Columns.Where(c => c.Categories.Length > 0))
            Assert.True(pairs.First.narrow(1, column.Start, column.Width).sum(1).eq(1).all().item<bool>());

        // Each column has the distribution that was asked for: here one with a rare value (foreign worker, 3.7 % no).
        var foreign = task.Layout.Find("foreign_worker")!.Start;
        var share = pairs.First.select(1, foreign).mean().item<float>();
        var expected = draw == ValueDraw.Uniform ? 0.5f : task.Train.Inputs.select(1, foreign).mean().item<float>();
        Assert.Equal(expected, share, 0.02f);
    }

    [Fact]
    public void Twins_take_the_protected_column_from_the_other_side()
    {
        using var task = FairnessTask.Load(Fixtures.Elsewhere, "german", "age");
        using var scope = NewDisposeScope();
        using var random = new Generator(3);
        var twins = task.Pairs.Twins(random);
        var age = task.Layout.Find("age")!.Start;
        Assert.True(twins.First.select(1, age).add(twins.Second.select(1, age)).eq(1).all().item<bool>());
        Assert.Equal(1, twins.First.ne(twins.Second).any(0).sum().item<long>());
    }

    // A variant is the recipe with one rule swapped; -sl is by definition two (no slice, and no transformation).
    [Theory]
    [InlineData(FmtVariant.Full, "")]
    [InlineData(FmtVariant.NoSlice, "slice")]
    [InlineData(FmtVariant.NoSliceNoTransform, "targets slice")]
    [InlineData(FmtVariant.Last, "targets")]
    [InlineData(FmtVariant.Uniform, "inputs")]
    public void A_variant_swaps_its_rule_and_no_other(FmtVariant variant, string swapped)
    {
        using var task = FairnessTask.Load(Fixtures.Elsewhere, "german", "sex");
        using var scope = NewDisposeScope();
        var (full, other) = (Rules(FmtVariant.Full), Rules(variant));
        List<string> differing = [];
        if (!full.Inputs.Same(other.Inputs))
            differing.Add("inputs");
        if (full.Targets != other.Targets)
            differing.Add("targets");
        if (full.Slice != other.Slice)
            differing.Add("slice");
        Assert.Equal(swapped, string.Join(' ', differing));

        (Tensor Inputs, string Targets, string Slice) Rules(FmtVariant v)
        {
            using var random = new Generator(5);
            var recipe = new Fmt
            {
                Pairs = task.Pairs,
                Group = "sex",
                Dual = true,
                Variant = v,
            }.Recipe(task.Source);
            var context = new TransformContext(task.Source, task.Train, recipe.Tap, random);
            var inputs = recipe.Inputs(context);
            return (inputs.Rows, recipe.Targets(context, inputs).Description, recipe.Slice(context).Description);
        }
    }

    [Fact]
    public void In_the_last_variant_only_biases_of_the_head_move()
    {
        using var task = FairnessTask.Load(Fixtures.Elsewhere, "german", "sex");
        var fmt = new Fmt
        {
            Pairs = task.Pairs,
            Group = "sex",
            Mutants = task.Mutants,
            Variant = FmtVariant.Last,
        }.AsPublished() with
        {
            Epochs = 3,
        };
        using var model = ModelTransform.Run(fmt.Recipe(task.Source), new(task.Source, task.Train, 1)).Model;
        foreach (var layer in task.Source.Layers.Skip(4))
        {
            Assert.True(model.Parameters[layer.Weight].Same(task.Source.Parameters[layer.Weight]));
            Assert.False(model.Parameters[layer.Bias!].Same(task.Source.Parameters[layer.Bias!]));
        }
    }
}
