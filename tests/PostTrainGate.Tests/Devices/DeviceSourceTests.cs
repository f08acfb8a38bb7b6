using System.Text.RegularExpressions;
using Xunit;

namespace PostTrainGate.Tests.Devices;

/// <summary>
/// What attacks and operators make along the way goes where their rows are, also where no device at hand refuses a
/// mixture.
/// </summary>
public partial class DeviceSourceTests
{
    // Rows that the harness picks in the memory of the host, constants that are folded there, and what is moved later.
    private static readonly string[] OnTheHost =
    [
        "AttackHarness.cs",
        "CachedAttack.cs",
        "Constants.cs",
        "SquareWindows.cs",
        "TableGradient.cs",
        "TableSearch.cs",
        "TabularConstraints.cs",
    ];

    public static TheoryData<string> Folders => ["Attacks", "Models/Operators"];

    [Theory]
    [MemberData(nameof(Folders))]
    public void A_tensor_that_is_made_says_where_it_goes(string folder)
    {
        var root = Path.Combine(Fixtures.Repository, "src/PostTrainGate", folder);
        var files = Directory.GetFiles(root, "*.cs", SearchOption.AllDirectories);
        Assert.NotEmpty(files);
        foreach (var file in files.Where(f => !OnTheHost.Contains(Path.GetFileName(f))))
        {
            var code = Comments().Replace(File.ReadAllText(file), "");
            foreach (Match made in Creations().Matches(code))
            {
                var statement = code[made.Index..code.IndexOf(';', made.Index)];
                Assert.True(
                    statement.Contains(".On(", StringComparison.Ordinal)
                        || statement.Contains("device: CPU", StringComparison.Ordinal),
                    $"{file}: {statement}"
                );
            }
        }
    }

    [GeneratedRegex("//.*")]
    private static partial Regex Comments();

    [GeneratedRegex(@"(?<![\w.])(tensor|zeros|ones|full|empty|rand|randn|randint|randperm|arange|eye)\(")]
    private static partial Regex Creations();
}
