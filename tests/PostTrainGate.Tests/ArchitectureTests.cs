using ArchUnitNET.Domain;
using ArchUnitNET.Domain.Extensions;
using ArchUnitNET.Loader;
using PostTrainGate.Foundation;
using Xunit;

namespace PostTrainGate.Tests;

/// <summary>
/// The floors of the engine: each uses only those before it. <c>docs/architecture.md</c> says what each is for.
/// </summary>
public class ArchitectureTests
{
    private static readonly string[] Floors =
    [
        "Foundation",
        "Schema",
        "Torch",
        "Policy",
        "Data",
        "Models",
        "Evaluations",
        "Attacks",
        "Certification",
        "Corruptions",
        "Statistics",
        "Metrics",
        "Repairs",
        "Gating",
        "History",
        "Reporting",
        "",
        "Reading",
    ];

    private static readonly Lazy<Architecture> Engine = new(() =>
        new ArchLoader().LoadAssembly(typeof(Tool).Assembly).Build()
    );

    public static TheoryData<string> All => [.. Floors];

    [Theory]
    [MemberData(nameof(All))]
    public void A_floor_uses_only_the_floors_below_it(string floor)
    {
        var above = Floors.SkipWhile(f => f != floor).Skip(1).Select(Namespace).ToHashSet();
        var upward =
            from type in Own(floor)
            from used in type.GetTypeDependencies()
            where above.Contains(Top(used))
            select $"{type.FullName} uses {used.FullName}";
        Assert.Empty(upward.Distinct());
    }

    [Fact]
    public void Every_type_stands_on_a_floor_and_every_floor_has_types()
    {
        var floors = Floors.Select(Namespace).ToHashSet();
        var elsewhere = Engine
            .Value.Types.Where(t => t.FullName.StartsWith("PostTrainGate", StringComparison.Ordinal))
            .Where(t => !floors.Contains(Top(t)));
        Assert.Empty(elsewhere.Select(t => t.FullName));
        Assert.All(Floors, floor => Assert.NotEmpty(Own(floor)));
    }

    // Every `using` is such a dependency too, as one that is not needed does not build.
    [Fact]
    public void Statistics_are_about_numbers_alone() =>
        Assert.Empty(
            from type in Own("Statistics")
            from used in type.GetTypeDependencies()
            where Top(used).StartsWith("PostTrainGate", StringComparison.Ordinal)
            where Top(used) is not ("PostTrainGate.Statistics" or "PostTrainGate.Foundation")
            select $"{type.FullName} uses {used.FullName}"
        );

    private static string Namespace(string floor) => floor.Length == 0 ? "PostTrainGate" : $"PostTrainGate.{floor}";

    private static IEnumerable<IType> Own(string floor) => Engine.Value.Types.Where(t => Top(t) == Namespace(floor));

    // The namespace, without what sorts the files inside a floor.
    private static string Top(IType type)
    {
        var parts = type.Namespace?.FullName.Split('.') ?? [];
        return string.Join('.', parts.Take(2));
    }
}
