using PostTrainGate.Corruptions;
using PostTrainGate.Data;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Corruptions;

/// <summary>Corruptions of tables: an age of mean 40 and deviation 10 scaled to a unit, a truth value, a color of
/// three.</summary>
public class TableCorruptionTests
{
    private const int Rows = 20_000;
    private static readonly FeatureLayout Layout = new([
        new("age", 0, [], Offset: 20, Divisor: 50),
        new("member", 1, []),
        new("color", 2, ["r", "g", "b"]),
    ]);

    private static Tensor Table()
    {
        using var random = new Generator(4, CPU);
        var age = (randn([Rows, 1], generator: random) * 10 + 40 - 20) / 50;
        var member = rand([Rows, 1], generator: random).lt(0.3).to(float32);
        var color = nn.functional.one_hot(randint(0, 3, [Rows], generator: random), 3).to(float32);
        return cat([age, member, color], 1);
    }

    private static Tensor Apply(string name, Tensor x, int severity, int seed = 1)
    {
        using var random = new Generator((ulong)seed, CPU);
        return Catalog
            .Default.Corruptions.Single(c => c.Name == name)
            .Apply(new(x, severity, random, ColumnStatistics.Compute(x, Layout)));
    }

    [Theory]
    [InlineData(1, 0.05)]
    [InlineData(5, 0.5)]
    public void Noise_is_a_share_of_the_columns_deviation_and_leaves_categories_alone(int severity, double share)
    {
        using var scope = NewDisposeScope();
        var x = Table();
        var change = Apply("numeric_noise", x, severity) - x;
        Assert.Equal(share * 10 / 50, change.select(1, 0).std().item<float>(), 0.03 * share * 10 / 50);
        Assert.Equal(0, change.narrow(1, 1, 4).abs().max().item<float>());
    }

    [Theory]
    [InlineData(1, 0.05)]
    [InlineData(3, 0.2)]
    public void Missing_values_become_the_mean_and_an_unknown_category(int severity, double share)
    {
        using var scope = NewDisposeScope();
        var x = Table();
        var lost = Apply("missing_values", x, severity);
        Assert.Equal(share, lost.narrow(1, 2, 3).sum(1).eq(0).to(float32).mean().item<float>(), 0.01);
        var changed = lost.select(1, 0).ne(x.select(1, 0));
        Assert.Equal(share, changed.to(float32).mean().item<float>(), 0.01);
        var filled = lost.select(1, 0).masked_select(changed);
        Assert.Equal(x.select(1, 0).mean().item<float>(), filled.mean().item<float>(), 1e-5);
        Assert.Equal(0, filled.std().item<float>(), 1e-5);
    }

    [Fact]
    public void Units_scale_the_number_itself_not_its_encoding()
    {
        using var scope = NewDisposeScope();
        var x = Table();
        var years = Apply("shifted_units", x, 3) * 50 + 20;
        Assert.True(allclose(years.select(1, 0), (x.select(1, 0) * 50 + 20) * 2, rtol: 1e-4, atol: 1e-3));
    }

    [Theory]
    [InlineData(2, 0.1)]
    [InlineData(5, 0.5)]
    public void Flips_lead_to_any_other_category(int severity, double share)
    {
        using var scope = NewDisposeScope();
        var x = Table();
        var flipped = Apply("category_flips", x, severity);
        var (before, after) = (x.narrow(1, 2, 3).argmax(1), flipped.narrow(1, 2, 3).argmax(1));
        Assert.Equal(1, flipped.narrow(1, 2, 3).sum(1).min().item<float>());
        Assert.Equal(share, before.ne(after).to(float32).mean().item<float>(), 0.01);
        foreach (var from in new[] { 0L, 1, 2 })
        {
            var to = after.masked_select(before.eq(from).logical_and(after.ne(from)));
            Assert.Equal(0.5, to.eq((from + 1) % 3).to(float32).mean().item<float>(), 0.06);
        }

        Assert.Equal(share, flipped.select(1, 1).ne(x.select(1, 1)).to(float32).mean().item<float>(), 0.01);
        Assert.Equal(0, (flipped.select(1, 0) - x.select(1, 0)).abs().max().item<float>());
    }

    [Fact]
    public void They_repeat_with_their_seed_and_leave_their_input_alone()
    {
        using var scope = NewDisposeScope();
        var x = Table();
        var clean = x.clone();
        foreach (var corruption in Catalog.Default.Corruptions.Where(c => c.Kind == CorruptionKind.Table))
        {
            Assert.True(Same(Apply(corruption.Name, x, 2), Apply(corruption.Name, x, 2)), corruption.Name);
            Assert.True(Same(x, clean), corruption.Name);
        }
    }

    private static bool Same(Tensor a, Tensor b) => a.eq(b).all().item<bool>();
}
