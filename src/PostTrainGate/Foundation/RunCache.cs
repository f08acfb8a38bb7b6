using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;

namespace PostTrainGate.Foundation;

/// <summary>
/// A folder in which runs leave what they found for later ones: adversarial examples, which are tried after an attack,
/// and steps, from which an interrupted run goes on: what was found on blocks of rows, how far an attack is, and the
/// candidates and scores of a repair. Every file is named by the hash of all that its content depends on.
/// </summary>
/// <remarks>
/// An example is only a suggestion: whoever takes it projects it into the budget and asks the model, so that no content
/// can do harm. All else has to be believed, and so it is sealed with a key that lies in the user's profile, outside of
/// anything that a pull request brings; without its seal it is not there. No fault of the folder stops a run.
/// Bounded: the oldest files go first.
/// </remarks>
public sealed class RunCache
{
    /// <summary>Bytes that the folder may hold after a run.</summary>
    internal const long Limit = 256L << 20;

    private const string Examples = "examples",
        Steps = "steps";
    private const int KeyLength = 32;
    private static readonly EnumerationOptions Plain = new()
    {
        AttributesToSkip = FileAttributes.ReparsePoint,
        IgnoreInaccessible = true,
    };

    private readonly ConcurrentDictionary<string, bool> _found = new();
    private readonly Lazy<byte[]?> _key;
    private readonly ConcurrentDictionary<string, long> _steps = new();
    private long _kept;

    /// <summary>Opens a folder, or makes it with the first file.</summary>
    public RunCache(string folder)
        : this(folder, DefaultKeyFile) { }

    internal RunCache(string folder, string? keyFile)
    {
        Folder = Path.GetFullPath(folder);
        _key = new(() => keyFile is null ? null : ReadKey(keyFile));
    }

    /// <summary>The user's own folder for caches, where there is one.</summary>
    public static string? DefaultFolder
    {
        get
        {
            var home = UserFolder(Environment.SpecialFolder.UserProfile);
            var caches =
                OperatingSystem.IsWindows() ? UserFolder(Environment.SpecialFolder.LocalApplicationData)
                : OperatingSystem.IsMacOS() ? Path.Combine(home, "Library/Caches")
                : Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { } given && Path.IsPathFullyQualified(given)
                    ? given
                : Path.Combine(home, ".cache");
            return Path.IsPathFullyQualified(caches) ? Path.Combine(caches, "posttraingate") : null;
        }
    }

    /// <summary>Full path of the folder.</summary>
    public string Folder { get; }

    /// <summary>Steps that this run has left here, or found.</summary>
    public long Kept => Interlocked.Read(ref _kept);

    /// <summary>Takes over what a run in another process kept.</summary>
    internal void Keeps(long kept) => Interlocked.Exchange(ref _kept, kept);

    private static string? DefaultKeyFile =>
        UserFolder(Environment.SpecialFolder.LocalApplicationData) is var data && Path.IsPathFullyQualified(data)
            ? Path.Combine(data, "posttraingate", "key")
            : null;

    // A fresh machine does not have it yet.
    private static string UserFolder(Environment.SpecialFolder folder) =>
        Environment.GetFolderPath(folder, Environment.SpecialFolderOption.DoNotVerify);

    /// <summary>An adversarial example of that name and length in bytes; null when there is none.</summary>
    internal byte[]? Example(string name, int length) => Read(Examples, name, length);

    /// <summary>
    /// The same, if an earlier run left it. What this run finds on one model must not change its figures of the next
    /// one: they would differ from those that the next model gets alone.
    /// </summary>
    internal byte[]? EarlierExample(string name, int length) => _found.ContainsKey(name) ? null : Example(name, length);

    /// <summary>Keeps an adversarial example.</summary>
    internal void KeepExample(string name, ReadOnlySpan<byte> example)
    {
        _found[name] = true;
        Write(Examples, name, example);
    }

    /// <summary>A sealed step; null when there is none with this user's seal.</summary>
    internal byte[]? Step(string name)
    {
        const int seal = HMACSHA256.HashSizeInBytes;
        if (_key.Value is not { } key || Read(Steps, name, length: null) is not { Length: >= seal } bytes)
            return null;
        var content = bytes.AsSpan(0, bytes.Length - seal);
        if (!CryptographicOperations.FixedTimeEquals(Seal(key, name, content), bytes.AsSpan(content.Length)))
            return null;
        Interlocked.Increment(ref _kept);
        return content.ToArray();
    }

    /// <summary>Seals and keeps a step, as long as the folder has room for all that this run kept.</summary>
    internal void KeepStep(string name, byte[] step)
    {
        if (_key.Value is not { } key || _steps.Sum(s => s.Key == name ? 0 : s.Value) + step.Length > Limit)
            return;
        if (!Write(Steps, name, [.. step, .. Seal(key, name, step)]))
            return;
        if (_steps.TryAdd(name, step.Length))
            Interlocked.Increment(ref _kept);
        else
            _steps[name] = step.Length;
    }

    /// <summary>Removes a step that is of no more use.</summary>
    internal void DropStep(string name)
    {
        _steps.TryRemove(name, out _);
        Attempt(() =>
        {
            File.Delete(Place(Steps, name));
            return true;
        });
    }

    /// <summary>
    /// Deletes the oldest files where there is more than the folder may hold. Follows no link, touches nothing else.
    /// </summary>
    internal void Trim(long limit = Limit) =>
        Attempt(() =>
        {
            var files = new[] { Examples, Steps }
                .Select(kind => new DirectoryInfo(Path.Combine(Folder, kind)))
                .Where(d => d.Exists && !d.Attributes.HasFlag(FileAttributes.ReparsePoint))
                .SelectMany(d => d.EnumerateDirectories("??", Plain))
                .SelectMany(d => d.EnumerateFiles("*", Plain))
                .OrderByDescending(f => f.LastWriteTimeUtc)
                .ToArray();
            var total = 0L;
            foreach (var file in files)
                if ((total += file.Length) > limit)
                    file.Delete();
            return true;
        });

    private byte[]? Read(string kind, string name, int? length) =>
        Attempt(() =>
        {
            var file = new FileInfo(Place(kind, name)); // a pipe or a device has no length
            if (!file.Exists || file.Length != (length ?? file.Length) || file.Length > Limit)
                return null;
            return File.ReadAllBytes(file.FullName) is { } bytes && bytes.Length == (length ?? bytes.Length)
                ? bytes
                : null;
        });

    private bool Write(string kind, string name, ReadOnlySpan<byte> content)
    {
        var bytes = content.ToArray();
        return Attempt(() =>
        {
            if (!Directory.Exists(Folder))
                AtomicFile.WriteText(Path.Combine(Folder, ".gitignore"), "*\n");
            AtomicFile.Write(Place(kind, name), stream => stream.Write(bytes));
            return true;
        });
    }

    private string Place(string kind, string name) => Path.Combine(Folder, kind, name[..2], name[2..]);

    private static byte[] Seal(byte[] key, string name, ReadOnlySpan<byte> content) =>
        HMACSHA256.HashData(key, (byte[])[.. Encoding.ASCII.GetBytes(name), .. content]);

    // Made once; what others may read is no secret, and a file from a repository never is the owner's alone.
    private static byte[]? ReadKey(string file) =>
        Attempt(() =>
        {
            if (!File.Exists(file))
                AtomicFile.Write(file, s => s.Write(RandomNumberGenerator.GetBytes(KeyLength)), isPrivate: true);
            if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(file) & ~AtomicFile.Private) != 0)
                return null;
            return File.ReadAllBytes(file) is { Length: KeyLength } key ? key : null;
        });

    private static T? Attempt<T>(Func<T> action)
    {
        try
        {
            return action();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            return default;
        }
    }
}
